"""jcjohnson/fast-neural-style: the authors' program, in Torch7."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fastnst.importers._plan import IMAGENET, Mismatch, Plan, Ranges
from fastnst.importers._torch7 import LuaObject
from fastnst.networks.foreign import Foreign

MEAN = (103.939, 116.779, 123.68)
"""Of VGG's photographs: blue, green, red."""

VGG: Ranges = (([255.0] * 3, [-value for value in MEAN]), ([1 / 255] * 3, [value / 255 for value in MEAN]))


def read(contents: Any) -> Foreign:
    """Read a checkpoint: any ``-arch`` with instance or batch normalization, any padding that keeps the size.

    Layers are followed as they stand in the file: by default, 40 reflected pixels around the picture, zeros around
    convolutions but none in residual blocks, whose input is shaved instead. BGR less the mean enters and leaves as
    ``tanh_constant`` times tanh; or the ImageNet standard with ``-preprocessing resnet``. A median filter of 3x3 ends
    it, which the program applies by default (it returns a picture without its outermost pixels; here they are kept).

    Source: github.com/jcjohnson/fast-neural-style, fast_neural_style/models.lua, preprocess.lua and
    fast_neural_style.lua; github.com/torch/nn for the fields of layers.

    Raises:
        Mismatch: Another kind of file, or a layer that such networks do not have.
    """
    model = contents.get("model") if isinstance(contents, dict) else None
    if not isinstance(model, LuaObject):
        raise Mismatch("no table with a model")
    plan = Plan()
    _write(plan, model)
    plan.add("median 3")
    options = contents.get("opt")
    if isinstance(options, dict) and options.get("preprocessing") == "resnet":
        return plan.build(IMAGENET)
    return plan.build(VGG, "bgr")


def _write(plan: Plan, layer: LuaObject) -> None:
    """Write a layer, and those within it."""
    kind, fields = layer.kind.removeprefix("nn.").removeprefix("cudnn."), layer.fields
    match kind:
        case "Sequential":
            _sequence(plan, list(_modules(layer)))
        case "SpatialReflectionPadding" | "SpatialReplicationPadding":
            mode = "reflect" if "Reflection" in kind else "replicate"
            plan.add(f"pad {mode} {_same(fields, 'pad_l', 'pad_r', 'pad_t', 'pad_b')}")
        case "SpatialConvolution" | "SpatialConvolutionMM":
            _convolution(plan, fields)
        case "SpatialFullConvolution":
            padding, more = _same(fields, "padW", "padH"), _same(fields, "adjW", "adjH")
            plan.deconv(_tensor(fields, "weight"), fields.get("bias"), _same(fields, "dW", "dH"), padding, more)
        case "InstanceNormalization":
            plan.normalize(_tensor(fields, "weight"), _tensor(fields, "bias"), float(fields.get("eps", 1e-5)))
        case "SpatialBatchNormalization":
            deviation = (_tensor(fields, "running_var").double() + float(fields.get("eps", 1e-5))).sqrt()
            factor = _tensor(fields, "weight") / deviation
            plan.scale(factor.float(), (_tensor(fields, "bias") - _tensor(fields, "running_mean") * factor).float())
        case "ReLU":
            plan.add("relu")
        case "SpatialUpSamplingNearest":
            plan.add(f"up {_same(fields, 'scale_factor')}")
        case "Identity" | "TotalVariation":
            pass
        case _:
            raise Mismatch(f"a layer {layer.kind}")


def _sequence(plan: Plan, layers: list[LuaObject]) -> None:
    """Write layers; a sum of two branches and a tanh with its factor are pairs."""
    while layers:
        layer = layers.pop(0)
        if layer.kind == "nn.ConcatTable" and layers and layers.pop(0).kind == "nn.CAddTable":
            branch, skip = (*_modules(layer), LuaObject(""), LuaObject(""))[:2]
            plan.add(f"keep {_same(skip.fields, 'size') if skip.kind == 'nn.ShaveImage' else 0}")
            _write(plan, branch)
            plan.add("add 1")
        elif layer.kind in ("nn.Tanh", "cudnn.Tanh") and layers and layers[0].kind == "nn.MulConstant":
            plan.add(f"tanh {float(layers.pop(0).fields.get('constant_scalar', 1)):g}")
        else:
            _write(plan, layer)


def _modules(layer: LuaObject) -> Iterator[LuaObject]:
    modules = layer.fields.get("modules")
    if not isinstance(modules, dict):
        raise Mismatch(f"a {layer.kind} without layers")
    for number in sorted(key for key in modules if isinstance(key, float)):
        if isinstance(modules[number], LuaObject):
            yield modules[number]


def _convolution(plan: Plan, fields: dict[Any, Any]) -> None:
    weight, kernel = _tensor(fields, "weight"), _same(fields, "kW", "kH")
    if padding := _same(fields, "padW", "padH"):
        plan.add(f"pad zeros {padding}")
    filters = weight.reshape(len(weight), -1, kernel, kernel) if kernel > 0 and weight.dim() in (2, 4) else weight
    plan.convolve(filters, fields.get("bias"), _same(fields, "dW", "dH"))


def _same(fields: dict[Any, Any], *names: str) -> int:
    """Return a number that has to be the same for all names; 0 where old files leave it out."""
    values = {fields.get(name, 0) for name in names}
    if len(values) > 1:
        raise Mismatch(f"{' and '.join(names)} differ")
    return int(values.pop())


def _tensor(fields: dict[Any, Any], name: str) -> Tensor:
    value = fields.get(name)
    if not isinstance(value, torch.Tensor):
        raise Mismatch(f"a layer without {name}")
    return value
