"""Paint pictures with a trained network."""

import os
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.checkpoint import Metadata
from fastnst.devices import Precision, best_precision, pick_device
from fastnst.errors import ConfigError
from fastnst.export import Notes, publish
from fastnst.export.runtime import Pixels as PixelType
from fastnst.export.runtime import Quantize
from fastnst.images import open_image, to_srgb
from fastnst.inference.batch import paint_tensor
from fastnst.inference.brush import Brush
from fastnst.inference.choice import Style
from fastnst.inference.codes import Codes
from fastnst.inference.engines import Engine, pick_engine
from fastnst.inference.export import make_notes
from fastnst.inference.stroke import paint_at
from fastnst.inference.tiled import Statistics
from fastnst.networks import TransformationNetwork


class Stylizer:
    """Paint any picture in the style of one checkpoint, or in one of its styles.

    A network of several styles paints none of them until one is chosen: :meth:`styled` returns a stylizer of one style,
    which is as fast as if the network had no other. That takes milliseconds, so a server may do it for every request,
    and keep those that are asked for often.

    Args:
        network: A trained network; it is copied, so the caller's own is left as it is.
        metadata: How it was made.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32``, or ``bfloat16``, which changes a pixel by half an 8-bit level on average, or by one; by
            default bfloat16 where the device has it in hardware.
        engine: What computes: ``torch``; ``onnx``, ONNX Runtime; or ``openvino``, which takes a fifth less time for
            large pictures in bfloat16 on a CPU, but has crashed the interpreter in a long-lived process. ``auto`` is
            ``torch``, the fastest that is safe, or ``onnx`` where the model is a graph.

    Attributes:
        network: What paints, an ``nn.Module`` that takes and gives ``(N, 3, H, W)``, RGB in [0, 1], of any size; what
            it gives may lie a little outside, so clamp it. In eval mode and frozen.
        styles: Names of the styles there are to choose from.
        file: What it was loaded from, if it was.

    Example:
        >>> stylizer = fastnst.load("starry_night")
        >>> stylizer("holiday.jpg").save("painted.png")
        >>> gallery = fastnst.load("gallery")
        >>> gallery.styled("udnie", strength=0.7)("holiday.jpg").save("painted.png")
    """

    def __init__(
        self,
        network: TransformationNetwork,
        metadata: Metadata | None = None,
        device: str | None = None,
        precision: Precision | None = None,
        engine: Engine = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.precision = precision or best_precision(self.device)
        self.metadata = metadata
        self.file: Path | None = None
        copied = deepcopy(network).eval().requires_grad_(False)
        if copied.styles and len(copied.styles.codes) == 1:
            copied.set_code(copied.styles.codes[0])
        copied = copied.to(self.device).to(memory_format=torch.channels_last)
        self._engine: Engine = engine
        self._take(copied, _names(network, metadata))

    def _take(self, exact: TransformationNetwork, styles: list[str]) -> None:
        self._exact, self.styles = exact, styles
        self.network = exact
        if self.precision != "float32":
            self.network = deepcopy(exact, {id(exact.styles): exact.styles})  # the table stays in float32
            self.network.compute_in(getattr(torch, self.precision))
        self.engine = pick_engine(self._engine, self.network, self.device, self.precision)
        self._codes = Codes(exact, styles)
        self._brush = Brush(self.device, self.engine, self.network)

    def styled(self, style: Style | None = None, strength: float = 1.0) -> "Stylizer":
        """Return a stylizer of one style; this one stays as it is.

        Args:
            style: One of :attr:`styles`; a picture, or the path of one, where the network has a predictor; a mapping
                from such names and paths to weights, which need not add up to one; or a style code ``(K,)``. By default
                the only style there is.
            strength: 0 for the photograph as it is, 1 for all of the style; less than 1 needs a network with a table of
                styles.

        Raises:
            ConfigError: No such style, no predictor, no strengths, or a weight that is none.
            ImageError: The style picture cannot be read.
            ValueError: A code of another length.
        """
        code = self._codes(self._only_code() if style is None else style, strength)
        rows = [row for row, name in enumerate(self.styles) if style is None or name == style]
        other = copy(self)
        other._take(self._exact.plain(code), [self.styles[row] for row in rows])
        if self.metadata is not None:
            other.metadata = replace(self.metadata, styles=[self.metadata.styles[row] for row in rows])
        return other

    def _only_code(self) -> Tensor:
        """Return the code of the only style.

        Raises:
            ConfigError: There are several, or there is none before a picture is given.
        """
        table = self._exact.styles
        if table is None:
            return self._exact.style_code()
        if len(table.codes) == 1:
            return table.codes[0]
        if len(table.codes):
            names = ", ".join(self.styles)
            raise ConfigError(f"this model has {len(table.codes)} styles; choose one by --style NAME: {names}")
        raise ConfigError("this model paints in the style of any picture; give one by --style PICTURE")

    def _check_chosen(self) -> None:
        self._only_code()

    @property
    def has_strength(self) -> bool:
        """Whether there is a code for the photograph as it is, from which a style may be weakened."""
        return self._exact.styles is not None

    @property
    def normalizer(self) -> TransformationNetwork | None:
        """The network whose statistics may be recorded and fixed; nothing where a graph computes that has its own."""
        return self.network if self.engine is self.network else None

    @overload
    def __call__(self, image: Tensor) -> Tensor: ...
    @overload
    def __call__(self, image: np.ndarray) -> np.ndarray: ...
    @overload
    def __call__(self, image: Image.Image | str | os.PathLike[str]) -> Image.Image: ...

    def __call__(
        self, image: Tensor | np.ndarray | Image.Image | str | os.PathLike[str]
    ) -> Tensor | np.ndarray | Image.Image:
        """Paint a picture; the result has its size and its type. One that does not fit into memory is painted in tiles.

        Args:
            image: A PIL image or the path of a picture, which give a PIL image; an array ``(H, W, 3)`` of uint8 or
                uint16, which gives such an array; or a tensor ``(3, H, W)`` or ``(B, 3, H, W)``, RGB in [0, 1], which
                gives such a tensor on the same device.

        Raises:
            ConfigError: There are several styles, and none was chosen.
            ImageError: The file is not a picture.
            FloatingPointError: The network returned values that are not finite.
        """
        self._check_chosen()
        if isinstance(image, Tensor):
            return paint_tensor(self._brush, image)
        if isinstance(image, np.ndarray):
            return self.paint(image)
        picture = image if isinstance(image, Image.Image) else open_image(image)
        return Image.fromarray(self.paint(np.asarray(to_srgb(picture))))

    def paint(
        self,
        values: np.ndarray,
        *,
        memory: int | None = None,
        statistics: Statistics = "exact",
        stroke: float = 1.0,
        size: int | None = None,
    ) -> np.ndarray:
        """Paint an array of pixels, within a budget of memory, with strokes of a chosen size.

        Args:
            values: ``(H, W, 3)`` of uint8 or uint16, RGB in sRGB; the result is of this kind.
            memory: Bytes to work with, besides the picture and the result; a share of what is free by default. A
                picture for which they do not suffice is painted in tiles, without seams.
            statistics: Of tiles: ``exact`` equals painting the picture at once, ``thumbnail`` uses the norm statistics
                of a reduced copy, which is painted in one pass. Given, it also goes for pictures that fit.
            stroke: Size of the strokes, as a multiple of what they are: the picture is painted at ``1 / stroke`` of its
                size and brought back with the photograph's detail.
            size: Longer side of the result, pixels; that of the picture by default.

        Raises:
            ConfigError: There are several styles, and none was chosen; or too little memory.
            FloatingPointError: The network returned values that are not finite.
            ValueError: Another array, a stroke or a size that is not above zero.
        """
        self._check_chosen()
        return paint_at(partial(self._brush, memory=memory, statistics=statistics), values, stroke, size)

    def export(
        self,
        path: str | os.PathLike[str],
        pixels: PixelType = "uint8",
        quantize: Quantize | None = None,
        name: str | None = None,
        license: str | None = None,
    ) -> Notes:
        """Write this network for other programs, once it is known to paint what torch paints; ``fastnst export``.

        With several styles the file takes a ``style``, weights ``(S,)`` in the order of :attr:`styles`, and a
        ``strength``; without any by name, a style code ``(K,)`` as ``code``, and a ``strength``. After :meth:`styled`
        it takes pictures only.

        Args:
            path: ``.onnx`` for ONNX Runtime, browsers and others; ``.pt2`` for :func:`torch.export.load`.
            pixels: What goes in and comes out as ``(N, H, W, 3)``, RGB, of any N, H and W: ``uint8``, 0 to 255, or
                ``float32`` in [0, 1].
            quantize: ``fp16`` for half of the size, norms stay in float32; ``int8`` for a quarter, by the ranges of
                features in sample photographs; only ``.onnx``.
            name: What the file calls itself; that of the style, or of the file, by default.
            license: Under which the weights may be used; by default as far as it is known.

        Returns:
            What the file says of itself, with the difference from torch in 8-bit levels.

        Raises:
            ConfigError: Another format, or the extra ``onnx`` is not installed.
            ExportError: The file paints something else, by more than a level in float32; nothing was written.
        """
        how = {"pixels": pixels, "precision": quantize or "float32"}
        notes = make_notes(self._exact, self.metadata, self.file, Path(path).stem, license, **how)
        notes = replace(notes, name=name or notes.name)
        return publish(deepcopy(self._exact).cpu(), Path(path), notes)


def _names(network: TransformationNetwork, metadata: Metadata | None) -> list[str]:
    """Return the names of the styles; rows of a table that nobody named go by their number."""
    count = 0 if network.styles is None else len(network.styles.codes)
    if metadata is not None:
        return [str(style.get("name", number)) for number, style in enumerate(metadata.styles)]
    return [str(number) for number in range(count)]
