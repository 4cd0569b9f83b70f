"""rrmina/fast-neural-style-pytorch, and the node for ComfyUI that derives from it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fastnst.importers._plan import Mismatch, Plan, numbered
from fastnst.networks.foreign import Foreign

DARK = 4 / 255
"""Average below which values are those before a tanh, which lie around 1, and not those of a picture, around 100."""


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read a network in one of the program's variants.

    Borders are reflected before convolutions and zero around transposed ones; blue comes first; 0 to 255 enters and
    leaves. Variants: the residual blocks of Johnson et al.; blocks of three convolutions ("ResNeXt", pruned or not);
    and either with a tanh of 150, ``TransformerNetworkTanh``, which has no tensor of its own: a network that would
    paint black without it has it. Blocks that begin with the norm ("V2") share names and shapes with the first
    variant, but their tensors are stored in another order, which tells them.

    Source: github.com/rrmina/fast-neural-style-pytorch, transformer.py, experimental.py and utils.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    network = _plan(tensors).build(channels="bgr")
    ramp = torch.linspace(0, 1, 64)
    picture = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), ramp.flip(0).expand(64, 64)])[None]
    with torch.no_grad():
        if network(picture).abs().mean() > DARK:
            return network
    plan = _plan(tensors)
    plan.add("tanh 150")
    return plan.build(channels="bgr")


def _plan(tensors: Mapping[str, Tensor]) -> Plan:
    plan = Plan(tensors)
    for number, stride in ((0, 1), (2, 2), (4, 2)):
        plan.stage(f"ConvBlock.{number}.conv_layer", f"ConvBlock.{number}.norm_layer", stride)
    order = list(tensors)
    for number in numbered(plan, "ResidualBlock.{}.conv1.conv_layer.weight", 0):
        block = f"ResidualBlock.{number}"
        norm, conv = f"{block}.conv1.norm_layer.weight", f"{block}.conv1.conv_layer.weight"
        if norm in plan and order.index(norm) < order.index(conv):
            _begin_with_norms(plan, block)
        else:
            _end_with_norms(plan, block)
    for number in (0, 2):
        layer = f"DeconvBlock.{number}"
        weight, bias = plan.take(f"{layer}.conv_transpose.weight"), plan.take(f"{layer}.conv_transpose.bias")
        plan.deconv(weight, bias, stride=2, padding=1, more=1)
        plan.norm(f"{layer}.norm_layer")
        plan.add("relu")
    plan.conv("DeconvBlock.4.conv_layer")
    return plan


def _end_with_norms(plan: Plan, block: str) -> None:
    convs = [f"{block}.conv{number}" for number in (1, 2, 3) if f"{block}.conv{number}.conv_layer.weight" in plan]
    if len(convs) < 2:
        raise Mismatch(f"{block} has {len(convs)} convolutions")
    plan.add("keep 0")
    for conv in convs[:-1]:
        plan.stage(f"{conv}.conv_layer", f"{conv}.norm_layer")
    plan.conv(f"{convs[-1]}.conv_layer")
    plan.norm(f"{convs[-1]}.norm_layer")
    plan.add("add 1")


def _begin_with_norms(plan: Plan, block: str) -> None:
    plan.add("keep 0")
    for conv in (f"{block}.conv1", f"{block}.conv2"):
        plan.norm(f"{conv}.norm_layer")
        plan.add("relu")
        plan.conv(f"{conv}.conv_layer")
    plan.add("add 1")
