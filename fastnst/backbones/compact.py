"""VGG-19 through relu4_1 for a laptop, with bundled weights: no download."""

from torch import nn

from fastnst.backbones._extractor import FeatureExtractor, Padding, Pooling, conv_relu, register_backbone
from fastnst.errors import ConfigError


@register_backbone("compact", content=("relu3_1",), style=("relu1_1", "relu2_1", "relu3_1"))
def compact(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Predict VGG-19's relu1_1, relu2_1, relu3_1 and relu4_1, with two fifths of its arithmetic through relu3_1.

    The named layers have VGG's channels. What leads from one to the next is never compared, so it is narrow; like VGG
    it convolves before it halves the resolution by a maximum. A strided convolution would need less arithmetic, but
    its gradient differs between the pixels of a block: pictures that follow it show a mesh.

    The weights are trained by ``scripts/distill_compact.py`` from random initialization; beside them is a card that
    says on what and how well they agree.

    Raises:
        ConfigError: Average pooling is asked for.
    """
    if pooling != "max":
        raise ConfigError("compact was trained with max pooling alone; leave pooling: max, or take vgg19")
    stages: dict[str, nn.Module] = conv_relu("1_1", 3, 64, padding)
    stages |= {"down1": _halve(64, 40)} | conv_relu("2_1", 40, 128, padding)
    stages |= {"down2": _halve(128, 80)} | conv_relu("3_1", 80, 256, padding)
    stages |= {"down3": _halve(256, 128)} | conv_relu("4_1", 128, 512, padding)
    return FeatureExtractor("compact", stages)


def _halve(channels_in: int, channels: int) -> nn.Module:
    """Convolve by 2x2, then take the maximum of blocks of 2x2, which together see 3x3; nothing is padded."""
    conv = nn.Conv2d(channels_in, channels, 2)
    return nn.Sequential(conv, nn.ReLU(inplace=True), nn.MaxPool2d(2, ceil_mode=True))
