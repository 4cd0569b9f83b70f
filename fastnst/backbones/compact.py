"""The front of VGG-19 at half the arithmetic, with weights that come along: no download."""

from torch import nn

from fastnst.backbones._extractor import BACKBONES, FeatureExtractor, Padding, Pooling, conv_relu, pool


@BACKBONES.register("compact")
def compact(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Predict VGG-19's relu1_1, relu2_1 and relu3_1; the layers between, which nothing compares, have half its width.

    The weights are trained by ``scripts/distill_compact.py`` from random initialization; beside them is a card that
    says on what and how well they agree.
    """
    stages: dict[str, nn.Module] = conv_relu("1_1", 3, 64, padding)
    stages |= conv_relu("1_2", 64, 32, padding) | {"pool1": pool(2, pooling)} | conv_relu("2_1", 32, 128, padding)
    stages |= conv_relu("2_2", 128, 64, padding) | {"pool2": pool(2, pooling)} | conv_relu("3_1", 64, 256, padding)
    return FeatureExtractor("compact", stages)
