"""Instance normalization, with the scale and shift of a style and with fixed statistics."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InstanceNorm(nn.Module):
    """Normalize every channel of every image, then scale and shift it.

    Args:
        channels: Channels of the feature maps.
        affine: Whether the norm has a scale and shift of its own, ``weight`` and ``bias``.

    Shapes:
        x: ``(B, C, H, W)``.
        scale, shift: ``(B, C)``, or ``(1, C)`` for every image of the batch; the norm's own by default.
        moments: Mean and variance as ``(B, 2, C)`` or ``(1, 2, C)``; those of ``x`` by default.

    Sources: Ulyanov, Vedaldi, Lempitsky. Instance Normalization. arXiv:1607.08022. Dumoulin, Shlens, Kudlur. A Learned
    Representation for Artistic Style. ICLR 2017 (one scale and shift per style). Jing et al. Stroke Controllable Fast
    Style Transfer. ECCV 2018 (the size of eps, in the authors' program).
    """

    eps = 1e-3
    """Added to the variance: enough that in an even picture, which has none, rounding is not blown up to a pattern."""

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def extra_repr(self) -> str:
        return f"{self.channels}, affine={self.weight is not None}"

    def forward(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None, moments: Tensor | None = None
    ) -> Tensor:
        scale, shift = _either(scale, self.weight), _either(shift, self.bias)
        if moments is None and not exporting():
            return _normalize(x, scale, shift, self.eps)
        return _normalize_by(x, scale, shift, measure(x) if moments is None else moments, self.eps)


Apply = Callable[[InstanceNorm, Tensor], Tensor]
"""How the norms of one forward pass of a network are applied; :func:`own` by default."""


def own(norm: InstanceNorm, x: Tensor) -> Tensor:
    """Normalize by the statistics of the picture, with the norm's own scale and shift."""
    return norm(x)


def exporting() -> bool:
    """Say whether a graph is being recorded for another program, which is better served by plain formulas."""
    return torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export() or torch.jit.is_tracing()


def measure(x: Tensor) -> Tensor:
    """Return mean and variance of every channel of every image as ``(B, 2, C)``, in float32 or better."""
    if _kernels_serve(x) and x.dtype != torch.float64 and x.numel():
        return torch.stack([_measure_on_cpu(image) for image in x])
    x = x if x.dtype == torch.float64 else x.float()
    mean = x.mean((2, 3), keepdim=True)
    return torch.stack([mean[..., 0, 0], (x - mean).square().mean((2, 3))], dim=1)


def _kernels_serve(x: Tensor) -> bool:
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not exporting()


def _measure_on_cpu(image: Tensor) -> Tensor:
    """Return ``(2, C)`` of ``(C, H, W)`` in a quarter of the time, by a kernel made for something else.

    Group norm takes the moments of a thousand values as if they were a picture: it adds up in float32, which is exact
    enough for a thousand values, and for a million not.
    """
    flat = image.permute(1, 2, 0).reshape(-1, len(image))  # (H*W, C)
    whole = len(flat) // _PART * _PART
    parts = flat[:whole].view(-1, _PART, len(image)).mT[:, :, None]  # (N, C, 1, _PART), channels last
    _, mean, deviation = torch.native_group_norm(
        parts, torch.ones(len(image)), None, len(parts), len(image), _PART, len(image), _TINY
    )
    rest = flat[whole:].double()
    means, variances = mean.double(), deviation.double().pow(-2) - _TINY
    center = (_PART * means.sum(0) + rest.sum(0)) / len(flat)
    spread = _PART * (variances + (means - center).square()).sum(0) + (rest - center).square().sum(0)
    return torch.stack([center, spread.clamp_min(0) / len(flat)]).float()


MOST_AT_ONCE = 2**12
"""Values per channel that a kernel which adds up in float32 may measure."""

_PART, _TINY = 1024, 1e-12


def _either(given: Tensor | None, default: Tensor | None) -> Tensor | None:
    """Return what is given, in the precision of the default, or the default."""
    if given is None or default is None:
        return default if given is None else given
    return given.to(default.dtype)


def _normalize_by(x: Tensor, scale: Tensor | None, shift: Tensor | None, moments: Tensor, eps: float) -> Tensor:
    """Normalize by given statistics: the formula, in one multiplication and one addition per value."""
    mean, variance = moments.unbind(1)  # (B, C)
    if _kernels_serve(x) and len(moments) == 1:
        one_scale, one_shift = _one_for_all(scale), _one_for_all(shift)
        if _shared(one_scale, one_shift):
            return F.batch_norm(x, mean[0], variance[0], _wide(one_scale), _wide(one_shift), eps=eps)
    factor = (variance + eps).rsqrt()
    factor = factor if scale is None else factor * scale
    offset = -mean * factor if shift is None else shift - mean * factor
    return torch.addcmul(offset[..., None, None], x, factor[..., None, None]).to(x.dtype)


def _normalize(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    """Normalize by the statistics of ``x``, with the fastest kernel; scale and shift are ``(C,)`` or ``(B, C)``."""
    kernel = _normalize_on_cpu if x.device.type == "cpu" else _normalize_elsewhere
    return kernel(x, _one_for_all(scale), _one_for_all(shift), eps)


def _normalize_on_cpu(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    """Avoid torch's own kernel, which copies channels-last images to and fro.

    With torch 2.15 its gradient is also wrong for a single image where the gradient that enters is channels-last.
    Batch norm of single images is the fastest that is exact enough for small maps. Group norm with a group per channel
    takes the variance of channels-last images as the mean of squares less the square of the mean: where a channel is
    far from zero and varies little, as in a large even sky, it is off by several deviations. Either adds up in float32,
    of which a million values leave three digits: behind twenty norms that is ten levels of 255 here and there, so large
    maps are measured in parts.
    """
    if _shared(scale, shift) and len(x) == 1:
        if torch.is_grad_enabled() or x.shape[2] * x.shape[3] <= MOST_AT_ONCE:
            return F.batch_norm(x, None, None, _wide(scale), _wide(shift), training=True, eps=eps)
        return _normalize_by(x, scale, shift, measure(x), eps)
    each = zip(x.split(1), _rows(scale, len(x)), _rows(shift, len(x)), strict=True)
    return torch.cat([_normalize_on_cpu(image, scale, shift, eps) for image, scale, shift in each])


def _normalize_elsewhere(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> Tensor:
    if _shared(scale, shift):
        return F.instance_norm(x, weight=scale, bias=shift, eps=eps)
    normalized = F.instance_norm(x, eps=eps)
    scaled = normalized if scale is None else normalized * scale[..., None, None]
    return (scaled if shift is None else scaled + shift[..., None, None]).to(x.dtype)


def _one_for_all(values: Tensor | None) -> Tensor | None:
    """Turn ``(1, C)`` to ``(C,)``, which every kernel takes."""
    return values[0] if values is not None and values.dim() == 2 and len(values) == 1 else values


def _shared(*values: Tensor | None) -> bool:
    return all(value is None or value.dim() == 1 for value in values)


def _wide(values: Tensor | None) -> Tensor | None:
    """Convert bfloat16 to float32: with a scale and shift of its own precision the kernel rounds once more."""
    return values.float() if values is not None and values.dtype.itemsize < 4 else values


def _rows(values: Tensor | None, count: int) -> list[Tensor | None]:
    return [values] * count if values is None or values.dim() == 1 else list(values)
