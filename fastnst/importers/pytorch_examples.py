"""pytorch/examples, fast_neural_style."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers._plan import Plan, numbered
from fastnst.networks.foreign import Foreign


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network of any width and number of blocks.

    Borders are reflected everywhere, upsampling is by the nearest pixel, norms are of instances; 0 to 255 enters and
    leaves. Files of 2017 hold running averages, which the program deletes. Many programs share names and ranges: the
    first of yakhyo, gnsmrky, and the exports of the ONNX zoo.

    Source: github.com/pytorch/examples, fast_neural_style/neural_style/transformer_net.py and neural_style.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    return downsampled(tensors, ("deconv1.conv2d", "deconv2.conv2d", "deconv3.conv2d")).build()


def downsampled(tensors: Mapping[str, Tensor], ups: tuple[str, str, str], times: int = 1) -> Plan:
    """Write down this network, or one with other names for its last convolutions, or with weightier skips."""
    plan = Plan(tensors)
    for number, stride in enumerate((1, 2, 2), 1):
        plan.stage(f"conv{number}.conv2d", f"in{number}", stride)
    for number in numbered(plan, "res{}.conv1.conv2d.weight"):
        block = f"res{number}"
        plan.residual((f"{block}.conv1.conv2d", f"{block}.in1"), (f"{block}.conv2.conv2d", f"{block}.in2"), times)
    plan.stage(ups[0], "in4", up=2)
    plan.stage(ups[1], "in5", up=2)
    plan.conv(ups[2])
    return plan
