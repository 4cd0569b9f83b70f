"""Paint pictures with a trained network."""

import os
from copy import deepcopy
from typing import overload

import torch
from PIL import Image
from torch import Tensor

from fastnst.assets import find_style
from fastnst.checkpoint import Metadata, load_checkpoint
from fastnst.devices import Precision, best_precision, pick_device
from fastnst.images import open_image, to_pil, to_tensor
from fastnst.inference.engines import Engine, pick_engine
from fastnst.networks import TransformationNetwork

MAX_BATCH_PIXELS = 2**22
"""Batches are split into parts of at most this many pixels, or single images, to bound memory."""


class Stylizer:
    """Paint any picture in the style of one checkpoint.

    Args:
        network: A trained network; it is copied, so the caller's own is left as it is.
        metadata: How it was made.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32``, or ``bfloat16`` for all but the output layer, which changes a pixel by half an 8-bit
            level on average; by default bfloat16 where the device has it in hardware.
        engine: What computes: ``torch``, or ``openvino``, which takes a tenth to a quarter less time on a CPU. Never
            the default: version 2026.4 has crashed the interpreter in a long-lived process.

    Example:
        >>> stylizer = fastnst.load("starry_night")
        >>> stylizer("holiday.jpg").save("painted.png")
    """

    def __init__(
        self,
        network: TransformationNetwork,
        metadata: Metadata | None = None,
        device: str | None = None,
        precision: Precision | None = None,
        engine: Engine = "torch",
    ) -> None:
        self.device = pick_device(device)
        self.precision = precision or best_precision(self.device)
        self.metadata = metadata
        copied = deepcopy(network).eval().requires_grad_(False)
        self.network = copied.to(self.device).to(memory_format=torch.channels_last)
        self.network.compute_in(getattr(torch, self.precision))
        self.engine = pick_engine(engine, self.network, self.device, self.precision)

    @overload
    def __call__(self, image: Tensor) -> Tensor: ...
    @overload
    def __call__(self, image: Image.Image | str | os.PathLike[str]) -> Image.Image: ...

    def __call__(self, image: Tensor | Image.Image | str | os.PathLike[str]) -> Tensor | Image.Image:
        """Paint a picture; the result has its size and its type.

        Args:
            image: A PIL image or the path of a picture, which give a PIL image; or a tensor ``(3, H, W)`` or
                ``(B, 3, H, W)``, RGB in [0, 1], which gives such a tensor on the same device.

        Raises:
            ImageError: The file is not a picture.
            FloatingPointError: The network returned values that are not finite.
        """
        if isinstance(image, Tensor):
            return self._paint_tensor(image)
        picture = image if isinstance(image, Image.Image) else open_image(image)
        return to_pil(self._paint(to_tensor(picture)))

    def _paint_tensor(self, image: Tensor) -> Tensor:
        if image.dim() not in (3, 4) or image.shape[-3] != 3 or not image.is_floating_point():
            raise ValueError(
                f"expected a floating-point tensor (3, H, W) or (B, 3, H, W), RGB in [0, 1], got {tuple(image.shape)} "
                f"of {image.dtype}"
            )
        batch = image if image.dim() == 4 else image[None]
        step = max(1, MAX_BATCH_PIXELS // (batch.shape[-1] * batch.shape[-2]))
        painted = torch.cat([self._paint(part) for part in batch.split(step)]) if len(batch) else batch
        return painted.view(image.shape).to(image)

    @torch.inference_mode()
    def _paint(self, images: Tensor) -> Tensor:
        images = images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
        painted = self.engine(images).clamp(0, 1)
        if not torch.isfinite(painted).all():
            raise FloatingPointError("the network returned values that are not finite numbers; train it again")
        return painted


def load(
    model: str | os.PathLike[str],
    device: str | None = None,
    precision: Precision | None = None,
    engine: Engine = "torch",
) -> Stylizer:
    """Load a trained style.

    Args:
        model: Name of a bundled style, or a ``style.safetensors`` as written by training; a file takes precedence over
            a name.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``, see :class:`Stylizer`.
        engine: ``torch`` or ``openvino``, see :class:`Stylizer`.

    Raises:
        CheckpointError: The file cannot be used as a checkpoint.
        ConfigError: No such style, no such device, or the engine is not available on it.
    """
    network, metadata = load_checkpoint(find_style(model))
    return Stylizer(network, metadata, device, precision, engine)
