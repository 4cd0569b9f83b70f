"""VGG-16 and VGG-19 by layer name.

Source: Simonyan, Zisserman. Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR 2015, table 1.
"""

from itertools import pairwise

from torch import nn

from fastnst.backbones._extractor import FeatureExtractor, Padding, Pooling, conv_relu, pool, register_backbone

CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}

CAFFE_MEAN = (0.48235, 0.45882, 0.40784)
CAFFE_STD = (1 / 255, 1 / 255, 1 / 255)


def stages(depths: tuple[int, ...], pooling: Pooling, padding: Padding) -> dict[str, nn.Module]:
    """Lay out the convolutions as ``conv1_1``, ``relu1_1``, ..., ``pool1``, ``conv2_1``, ..."""
    named: dict[str, nn.Module] = {}
    widths = (3, *CHANNELS)
    for block, (depth, (before, channels)) in enumerate(zip(depths, pairwise(widths), strict=True), start=1):
        for i in range(1, depth + 1):
            named |= conv_relu(f"{block}_{i}", before if i == 1 else channels, channels, padding)
        named[f"pool{block}"] = pool(2, pooling)
    return named


@register_backbone("vgg16", content=("relu3_3",), style=("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
def vgg16(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Torchvision's own training of VGG-16; activations are about 1."""
    return FeatureExtractor("vgg16", stages(DEPTHS["vgg16"], pooling, padding))


@register_backbone("vgg19", content=("relu3_1",), style=("relu1_1", "relu2_1", "relu3_1"))
def vgg19(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Torchvision's own training of VGG-19; activations are about 1."""
    return FeatureExtractor("vgg19", stages(DEPTHS["vgg19"], pooling, padding))


@register_backbone("vgg16_caffe", content=("relu3_3",), style=("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
def vgg16_caffe(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """The original Oxford VGG-16 that the papers used (``IMAGENET1K_FEATURES``); 0 to 255 minus the mean color."""
    return FeatureExtractor("vgg16_caffe", stages(DEPTHS["vgg16"], pooling, padding), CAFFE_MEAN, CAFFE_STD)
