"""eriklindernoren/Fast-Neural-Style-Transfer."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers._plan import IMAGENET, Plan, numbered
from fastnst.networks.foreign import Foreign


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network like that of pytorch/examples, which works on values standardized as for ImageNet.

    Source: github.com/eriklindernoren/Fast-Neural-Style-Transfer, models.py and test_on_image.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    plan = Plan(tensors)
    for number, stride in enumerate((1, 2, 2)):
        plan.stage(f"model.{number}.block.1", f"model.{number}.norm", stride)
    last = 2
    for last in numbered(plan, "model.{}.block.0.block.1.weight", 3):
        block = f"model.{last}.block"
        plan.residual((f"{block}.0.block.1", f"{block}.0.norm"), (f"{block}.1.block.1", f"{block}.1.norm"))
    for number in (last + 1, last + 2):
        plan.stage(f"model.{number}.block.1", f"model.{number}.norm", up=2)
    plan.conv(f"model.{last + 3}.block.1")
    return plan.build(IMAGENET)
