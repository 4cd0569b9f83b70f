"""A network as a program of ``torch.export``, for torch elsewhere, compilers and phones."""

import io
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from fastnst.export.notes import Notes
from fastnst.export.runtime import Pixels, Runner
from fastnst.networks import TransformationNetwork, even_colors
from fastnst.networks.even import scale_mask

LARGEST, MOST = 2**15, 2**10
"""Pixels of a side, and images of a batch, up to which a program is declared."""

NOTES = "fastnst.json"


class Painter(nn.Module):
    """Pixels ``(N, H, W, 3)`` to such pixels, as the graph of :func:`~fastnst.export.onnx.build_graph` does.

    Positions are picked by their numbers where others pad and slice: those ask questions about sizes, whose answers
    would hold for some sizes only.
    """

    even: Tensor
    shifts: Tensor

    def __init__(self, network: TransformationNetwork, pixels: Pixels) -> None:
        super().__init__()
        self.network, self.whole = network, pixels == "uint8"
        if network.styles is None:
            self.register_buffer("even", even_colors(network)[:, :, None, None])
        else:
            self.register_buffer("shifts", 1 - scale_mask(network))

    def forward(self, images: Tensor, style: Tensor | None = None, strength: Tensor | None = None) -> Tensor:
        images = images.permute(0, 3, 1, 2)
        images = images.float() / 255 if self.whole else images
        height, width = images.shape[2:]
        uneven = (images.amax((2, 3)) - images.amin((2, 3))).amax(1) > 0
        code = None
        if style is not None:
            code = torch.where(uneven[:, None], 1.0, self.shifts) * self._code(style, strength)
        painted = self.network.paint(self._padded(images), code)
        painted = painted.index_select(2, torch.arange(height)).index_select(3, torch.arange(width)).clamp(0, 1)
        if style is None:
            color = torch.lerp(self.even[0], self.even[1], images.amax((2, 3), keepdim=True)).clamp(0, 1)
            painted = torch.where(uneven[:, None, None, None], painted, color)
        painted = painted.permute(0, 2, 3, 1)
        return (255 * painted).round().to(torch.uint8) if self.whole else painted

    def _code(self, style: Tensor, strength: Tensor | None) -> Tensor:
        assert self.network.styles is not None
        assert strength is not None, "a style comes with its strength"
        styles = self.network.styles
        code = styles.mix(style / style.sum().clamp_min(1e-6)) if len(styles.codes) else style
        return styles.weaken(code, strength)

    def _padded(self, images: Tensor) -> Tensor:
        """Mirror, and repeat the last row or column beyond, as :func:`~fastnst.images.pad_to` does."""
        multiple, least = self.network.size_multiple, self.network.min_size
        for axis in (2, 3):
            side = images.shape[axis]
            place = torch.arange((torch.sym_max(side, least) + multiple - 1) // multiple * multiple)
            place = torch.where(place < side, place, (2 * (side - 1) - place).clamp_min(0))
            images = images.index_select(axis, place)
        return images


@torch.no_grad()
def build_program(network: TransformationNetwork, pixels: Pixels) -> ExportedProgram:
    """Return a network as a program for any number of images of any size.

    In the contiguous layout: with channels last, torch would ask whether sizes are what they cannot be.
    """
    network = deepcopy(network).to(memory_format=torch.contiguous_format)
    images = torch.rand(2, 37, 51, 3)
    inputs = [(255 * images).to(torch.uint8) if pixels == "uint8" else images]
    sizes: list[dict[int, Dim]] = [
        {0: Dim("batch", min=1, max=MOST)} | {i: Dim(f"side{i}", min=1, max=LARGEST) for i in (1, 2)}
    ]
    if network.styles is not None:
        inputs += [torch.ones(len(network.styles.codes) or network.code_size), torch.tensor(1.0)]
        sizes += [{}, {}]
    return torch.export.export(Painter(network, pixels), tuple(inputs), dynamic_shapes=tuple(sizes))


def program_bytes(program: ExportedProgram, notes: Notes | None = None) -> bytes:
    """Return the file of a program, with what it says of itself as the extra file ``fastnst.json``."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={NOTES: json.dumps(asdict(notes))} if notes else None)
    return buffer.getvalue()


def run_program(saved: bytes) -> Runner:
    """Load a program that was just made, and return a function that runs it.

    Only for one's own: loading can run what is written in the file.
    """
    module = torch.export.load(io.BytesIO(saved)).module()

    @torch.no_grad()
    def run(feeds: Mapping[str, np.ndarray]) -> np.ndarray:
        inputs = [torch.from_numpy(feeds[name]) for name in ("images", "style", "code") if name in feeds]
        inputs += [torch.tensor(float(feeds["strength"]))] if "strength" in feeds else []
        painted: np.ndarray = module(*inputs).numpy()
        return painted

    return run
