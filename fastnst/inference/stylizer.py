"""Paint pictures with a trained network."""

import os
from typing import overload

import torch
from PIL import Image
from torch import Tensor

from fastnst.checkpoint import Metadata, load_checkpoint
from fastnst.errors import ConfigError
from fastnst.images import open_image, to_pil, to_tensor
from fastnst.networks import TransformationNetwork

MAX_BATCH_PIXELS = 2**22
"""Images of a tensor are painted one by one above this size, to bound memory."""


class Stylizer:
    """Paint any picture in the style of one checkpoint.

    Args:
        network: A trained network.
        metadata: How it was made.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.

    Example:
        >>> stylizer = fastnst.load("style.safetensors")
        >>> stylizer("holiday.jpg").save("painted.png")
    """

    def __init__(
        self, network: TransformationNetwork, metadata: Metadata | None = None, device: str | None = None
    ) -> None:
        self.device = pick_device(device)
        self.metadata = metadata
        self.network = network.eval().to(self.device).to(memory_format=torch.channels_last)

    @overload
    def __call__(self, image: Tensor) -> Tensor: ...
    @overload
    def __call__(self, image: Image.Image | str | os.PathLike[str]) -> Image.Image: ...

    def __call__(self, image: Tensor | Image.Image | str | os.PathLike[str]) -> Tensor | Image.Image:
        """Paint a picture; the result has its size and its kind.

        Args:
            image: A PIL image or the path of a picture, which give a PIL image; or a tensor ``(3, H, W)`` or
                ``(B, 3, H, W)``, RGB in [0, 1], which gives such a tensor on the same device.

        Raises:
            ImageError: The path is no picture.
            FloatingPointError: The network gave values that are not finite.
        """
        if isinstance(image, Tensor):
            return self._paint_tensor(image)
        picture = image if isinstance(image, Image.Image) else open_image(image)
        return to_pil(self._paint(to_tensor(picture)))

    def _paint_tensor(self, image: Tensor) -> Tensor:
        if image.dim() not in (3, 4) or image.shape[-3] != 3 or not image.is_floating_point():
            raise ValueError(
                f"a tensor of (3, H, W) or (B, 3, H, W), RGB in [0, 1], is wanted; got {tuple(image.shape)} of "
                f"{image.dtype}"
            )
        batch = image if image.dim() == 4 else image[None]
        step = max(1, MAX_BATCH_PIXELS // (batch.shape[-1] * batch.shape[-2]))
        painted = torch.cat([self._paint(part) for part in batch.split(step)]) if len(batch) else batch
        return painted.view(image.shape).to(image)

    @torch.inference_mode()
    def _paint(self, images: Tensor) -> Tensor:
        images = images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
        painted = self.network(images).clamp(0, 1)
        if not torch.isfinite(painted).all():
            raise FloatingPointError("the network gave values that are not finite numbers; train it again")
        return painted


def load(path: str | os.PathLike[str], device: str | None = None) -> Stylizer:
    """Load a trained style.

    Args:
        path: A ``style.safetensors``, as training leaves it.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.

    Raises:
        CheckpointError: Not a file to be used.
        ConfigError: No such device.
    """
    network, metadata = load_checkpoint(path)
    return Stylizer(network, metadata, device)


def pick_device(name: str | None = None) -> torch.device:
    """Return the device asked for, or the fastest there is.

    Raises:
        ConfigError: It is unknown or absent.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None:
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present.get(name.split(":")[0], False):
        raise ConfigError(
            f"device {name!r} is not here; there is {', '.join(k for k, there in present.items() if there)}"
        )
    return torch.device(name)
