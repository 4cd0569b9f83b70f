"""yakhyo/fast-neural-style-transfer."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers.pytorch_examples import downsampled
from fastnst.networks.foreign import Foreign


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network like that of pytorch/examples, whose residual blocks add their input twice.

    The program's first version added it once, and had the names of pytorch/examples.

    Source: github.com/yakhyo/fast-neural-style-transfer, model.py and stylize.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    names = ("upsample_conv1.conv2d", "upsample_conv2.conv2d", "upsample_conv3.conv2d")
    return downsampled(tensors, names, times=2).build()
