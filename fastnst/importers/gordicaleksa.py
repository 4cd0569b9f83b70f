"""gordicaleksa/pytorch-neural-style-transfer-johnson."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers._plan import IMAGENET
from fastnst.importers.pytorch_examples import downsampled
from fastnst.networks.foreign import Foreign


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network like that of pytorch/examples, which works on values standardized as for ImageNet.

    Source: github.com/gordicaleksa/pytorch-neural-style-transfer-johnson, models/definitions/transformer_net.py (whose
    tanh is not applied) and utils/utils.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    return downsampled(tensors, ("up1.conv2d.conv2d", "up2.conv2d.conv2d", "up3.conv2d")).build(IMAGENET)
