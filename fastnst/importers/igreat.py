"""igreat/fast-style-transfer."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers._plan import IMAGENET, Plan, numbered
from fastnst.networks.foreign import Foreign


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network like that of pytorch/examples, which works on values standardized as for ImageNet.

    The program's networks of its first days, with batch normalization, are not read: it had no fixed range then.

    Source: github.com/igreat/fast-style-transfer, models/transformation_models.py and stylize_image.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    plan = Plan(tensors)
    for number, stride in ((0, 1), (3, 2), (6, 2)):
        plan.stage(f"layers.{number}.conv", f"layers.{number + 1}", stride)
    last = 8
    for last in numbered(plan, "layers.{}.conv1.conv.weight", 9):
        block = f"layers.{last}"
        first, second = (
            (f"{block}.conv1.conv", f"{block}.instance_norm1"),
            (f"{block}.conv2.conv", f"{block}.instance_norm2"),
        )
        plan.residual(first, second)
    for number in (last + 1, last + 4):
        plan.stage(f"layers.{number}.conv.conv", f"layers.{number + 1}", up=2)
    plan.conv(f"layers.{last + 7}.conv")
    return plan.build(IMAGENET)
