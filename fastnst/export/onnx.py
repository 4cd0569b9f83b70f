"""A network as one ONNX graph: pictures of any size in, pictures of that size out."""

from typing import Any

import onnx
import torch

from fastnst.export.graph import Graph, value
from fastnst.export.layers import Affine, translate
from fastnst.export.runtime import Pixels
from fastnst.export.statistics import Held
from fastnst.networks import TransformationNetwork, even_colors
from fastnst.networks.even import scale_mask

SIDES = ("batch", "height", "width", 3)


def build_core(network: TransformationNetwork) -> onnx.ModelProto:
    """Return what ``network.paint`` computes: ``images`` to ``painted``, ``(N, 3, H, W)``, padded and not clipped."""
    graph = Graph()
    painted = translate(network, graph, "images", {})
    sides = ("batch", 3, "height", "width")
    graph.add("Identity", painted, name="painted")
    return graph.finish([value("images", torch.float32, *sides)], value("painted", torch.float32, *sides))


def build_graph(network: TransformationNetwork, pixels: Pixels = "uint8", held: bool = False) -> onnx.ModelProto:
    """Return a network as a graph whose input ``images`` and output ``painted`` are ``(N, H, W, 3)``, any N, H and W.

    Inputs of a network with a table of styles: ``style``, weights ``(S,)`` of its styles, which need not add up to one,
    or, where the table is empty, a style code ``(K,)`` by the name of ``code``; and ``strength``, a number from 0 to 1.
    Both hold for all images.

    A picture of one color becomes one, as :func:`~fastnst.networks.paint_even` says; with the inputs ``style`` or
    ``code``, only where all pictures of the batch are such. Parts of a picture are not looked at so.

    Args:
        network: In float32, on the CPU.
        pixels: What goes in and comes out.
        held: Whether statistics are inputs and an output as well, see :class:`~fastnst.export.statistics.Held`; parts
            of a picture are painted with those of all of it.

    Raises:
        ConfigError: The network has a layer, or calls a function, that has no translation.
    """
    graph, kind = Graph(), getattr(torch, pixels)
    inputs, outputs = [value("images", kind, *SIDES), *_style_inputs(network)], [value("painted", kind, *SIDES)]
    images, sides = _enter(graph, kind)
    statistics = Held(network, graph) if held else None
    if statistics:
        inputs += [value("statistics", torch.float32, 1, statistics.size), value("held", torch.float32)]
        outputs += [value("measured", torch.float32, "batch", statistics.size)]
    affine = _affine(network, graph, images, held) if network.styles else {}
    painted = translate(network, graph, _pad(network, graph, images, sides), affine, statistics)
    painted = graph.add("Slice", painted, graph.integers(0, 0), sides, graph.integers(2, 3))
    painted = graph.add("Clip", painted, graph.constant(0.0), graph.constant(1.0))
    if not network.styles:
        uneven = graph.add("Greater", _spread(graph, images, held, axes=[1]), graph.constant(0.0))
        painted = graph.add("Where", uneven, painted, _paint_even(network, graph, images))
    _leave(graph, painted, kind)
    if statistics:
        statistics.leave()
    return graph.finish(inputs, *outputs)


def _paint_even(network: TransformationNetwork, graph: Graph, images: str) -> str:
    """Compute the color ``(N, 3, 1, 1)`` of a picture of one color."""
    black, white = even_colors(network)[:, None, :, None, None]
    color = graph.add("ReduceMax", images, axes=[2, 3], keepdims=1)
    apart = graph.add("Mul", color, graph.constant(white - black))
    return graph.add("Clip", graph.add("Add", apart, graph.constant(black)), graph.constant(0.0), graph.constant(1.0))


def _style_inputs(network: TransformationNetwork) -> list[Any]:
    if network.styles is None:
        return []
    count = len(network.styles.codes)
    given = value("style", torch.float32, count) if count else value("code", torch.float32, network.code_size)
    return [given, value("strength", torch.float32)]


def _code(network: TransformationNetwork, graph: Graph) -> str:
    """Compute the style code ``(K,)``: from the photograph's towards that of the style."""
    styles = network.styles
    assert styles is not None, "a network of one style has no code but its own"
    photograph = graph.constant(styles.photograph)
    if len(styles.codes):
        total = graph.add("Clip", graph.add("ReduceSum", "style", keepdims=1), graph.constant(1e-6))
        share = graph.add("Unsqueeze", graph.add("Div", "style", total), graph.integers(0))
        apart = graph.add("MatMul", share, graph.constant(styles.codes - styles.photograph))
        apart = graph.add("Squeeze", apart, graph.integers(0))
    else:
        apart = graph.add("Sub", "code", photograph)
    return graph.add("Add", photograph, graph.add("Mul", "strength", apart))


def _spread(graph: Graph, images: str, held: bool, **axes: Any) -> str:
    """Compute how far the pixels of each picture are apart ``(N, 1, 1, 1)``, or those of all of them.

    Where statistics are given, a picture is part of another, which is taken for uneven.
    """
    highest, lowest = (graph.add(how, images, axes=[2, 3], keepdims=1) for how in ("ReduceMax", "ReduceMin"))
    spread = graph.add("ReduceMax", graph.add("Sub", highest, lowest), keepdims=1, **axes)
    return graph.add("Add", spread, "held") if held else spread


def _affine(network: TransformationNetwork, graph: Graph, images: str, held: bool) -> Affine:
    """Cut the style code into a scale and a shift for every norm; without a scale where no picture is uneven."""
    norms = [norm for _, norm in network.named_norms() if norm.weight is not None]
    large = graph.add("Mul", graph.add("Squeeze", _spread(graph, images, held)), graph.constant(1e6))
    uneven = graph.add("Clip", large, graph.constant(0.0), graph.constant(1.0))
    scales = scale_mask(network)
    kept = graph.add("Add", graph.constant(1 - scales), graph.add("Mul", uneven, graph.constant(scales)))
    code = graph.add("Mul", _code(network, graph), kept)
    parts = iter(graph.split(code, [norm.channels for norm in norms for _ in ("scale", "shift")]))
    return {norm: (next(parts), next(parts)) for norm in norms}


def _enter(graph: Graph, kind: torch.dtype) -> tuple[str, str]:
    """Turn pixels into images ``(N, 3, H, W)`` in [0, 1]; return them, and height and width.

    Whole numbers of 8 bits become others at once, because GPUs do not know them.
    """
    sides = graph.add("Shape", "images", start=1, end=3)
    images = "images" if kind == torch.float32 else graph.cast("images", torch.float32)
    images = graph.add("Transpose", images, perm=[0, 3, 1, 2])
    return images if kind == torch.float32 else graph.add("Div", images, graph.constant(255.0)), sides


def _pad(network: TransformationNetwork, graph: Graph, images: str, sides: str) -> str:
    """Extend images as :func:`~fastnst.images.pad_to` does."""
    multiple = graph.integers(network.size_multiple)
    least = graph.add("Max", sides, graph.integers(network.min_size))
    blocks = graph.add("Div", graph.add("Add", least, graph.integers(network.size_multiple - 1)), multiple)
    missing = graph.add("Sub", graph.add("Mul", blocks, multiple), sides)
    mirrored = graph.add("Min", missing, graph.add("Sub", sides, graph.integers(1)))
    none = graph.integers(0, 0, 0, 0, 0, 0)
    for lengths, mode in ((mirrored, "reflect"), (graph.add("Sub", missing, mirrored), "edge")):
        images = graph.add("Pad", images, graph.add("Concat", none, lengths, axis=0), mode=mode)
    return images


def _leave(graph: Graph, painted: str, kind: torch.dtype) -> None:
    """Turn images in [0, 1] into pixels."""
    whole = kind == torch.uint8
    painted = graph.add("Transpose", painted, perm=[0, 2, 3, 1], name=None if whole else "painted")
    if whole:  # GPUs do not know the operator Round
        scaled = graph.add("Mul", painted, graph.constant(255.0))
        graph.cast(graph.add("Floor", graph.add("Add", scaled, graph.constant(0.5))), torch.uint8, "painted")
