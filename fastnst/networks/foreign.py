"""A network of another program, described layer by layer, with that program's ranges."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks._layout import MOST_LAYERS, PADDINGS, Word, check_extent, parse, receptive_field, sizes
from fastnst.networks.layers import Block, Chain
from fastnst.networks.norm import Apply, InstanceNorm, own


class Pad(nn.Module):
    """Extend every side, by as many pixels on top and left, and as many at the bottom and right."""

    def __init__(self, before: int, after: int, mode: str) -> None:
        super().__init__()
        self.sides, self.mode = (before, after, before, after), PADDINGS[mode]

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.sides, mode=self.mode)


class Crop(nn.Module):
    """Cut off every side, the opposite of :class:`Pad`."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return x[..., self.before : height - self.after, self.before : width - self.after]


class Scale(nn.Module):
    """Multiply and add per channel: what batch normalization does after its training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias[:, None, None], x, self.weight[:, None, None])


class Tanh(nn.Module):
    """Squash to between ``-limit`` and ``limit``."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        return self.limit * torch.tanh(x)


class Median(nn.Module):
    """Replace every value by the median of the ``side * side`` values around it, where the border is repeated."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = F.pad(x, (self.side // 2,) * 4, mode="replicate")
        places = [(row, column) for row in range(self.side) for column in range(self.side)]
        around = torch.stack([padded[..., row : row + height, column : column + width] for row, column in places])
        return around.median(0).values


class Skip(Block):
    """Add the input, cut by ``shave`` pixels on every side, ``times`` times to what becomes of it."""

    def __init__(self, body: Chain, shave: int, times: int) -> None:
        super().__init__()
        self.body, self.shave, self.times = body, Crop(shave, shave), times

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        return self.body(x, norms).add(self.shave(x), alpha=self.times)


@NETWORKS.register("foreign")
class Foreign(TransformationNetwork):
    """Compute what a network of another program computes, read from its file by :mod:`fastnst.importers`.

    Args:
        layers: One after another: ``pad MODE N`` or ``pad MODE BEFORE AFTER`` with mode reflect, zeros or replicate;
            ``crop`` likewise; ``conv CHANNELS KERNEL STRIDE``, which does not pad; ``deconv CHANNELS KERNEL STRIDE
            PADDING OUTPUT_PADDING``, a transposed convolution; ``up N``, to the nearest pixel; ``norm EPS``, instance
            normalization; ``scale``, a factor and a summand per channel; ``relu``; ``tanh LIMIT``; ``median N``;
            and ``keep SHAVE`` ... ``add TIMES``, which adds to the layers between them what came in, shaved so that
            it fits.
        channels: Their order in the other program, ``rgb`` or ``bgr``.
        enters: A factor and a summand per channel, in that order, that turn [0, 1] to the range that its network reads.
        leaves: The same for what it writes, back to [0, 1].

    Statistics are the project's :class:`InstanceNorm`, so that styles are tiled, recorded and held as with any other
    network. A program that returns a picture of another size than it was given (most round up to a multiple of four)
    is followed where sizes are kept: other pictures are extended by their mirror image first, and the result is cut.
    """

    def __init__(
        self,
        layers: Sequence[str],
        channels: str = "rgb",
        enters: Sequence[Sequence[float]] = ((1.0,) * 3, (0.0,) * 3),
        leaves: Sequence[Sequence[float]] = ((1.0,) * 3, (0.0,) * 3),
    ) -> None:
        super().__init__()
        self.config = {
            "layers": list(layers),
            "channels": channels,
            "enters": [list(numbers) for numbers in enters],
            "leaves": [list(numbers) for numbers in leaves],
        }
        if channels not in ("rgb", "bgr") or [len(numbers) for numbers in (*enters, *leaves)] != [3] * 4:
            raise ConfigError(
                f"foreign needs channels rgb or bgr, and a factor and a summand for each of three channels that enter "
                f"and leave, got {str((channels, enters, leaves))[:200]}"
            )
        if len(layers) > MOST_LAYERS:
            raise ConfigError(f"foreign takes {MOST_LAYERS} layers at most, got {len(layers)}")
        words = [parse(text) for text in layers]
        check_extent(words)
        self.receptive_field = receptive_field(words)
        self.size_multiple, self.min_size = sizes(words)
        self.register_buffer("enters", torch.tensor(enters).view(2, 3, 1, 1), persistent=False)
        self.register_buffer("leaves", torch.tensor(leaves).view(2, 3, 1, 1), persistent=False)
        last = max(place for place, word in enumerate(words) if word.name in ("conv", "deconv"))
        self.layers, width = build(words[:last], 3)
        self.output, width = build(words[last:], width)
        if width != 3:
            raise ConfigError(f"foreign: the layers return {width} channels, not 3")

    enters: Tensor
    leaves: Tensor

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        x = self._ordered(images) * self.enters[0] + self.enters[1]
        x = self.layers(x.to(next(self.layers.parameters(), x).dtype), norms)
        x = self.output(x.to(next(self.output.parameters()).dtype), norms)
        return self._ordered(x * self.leaves[0] + self.leaves[1])

    def _ordered(self, images: Tensor) -> Tensor:
        return images.flip(1) if self.config["channels"] == "bgr" else images


def build(words: Sequence[Word], channels: int) -> tuple[Chain, int]:
    """Make layers that take so many channels, and say how many they return."""
    chain, channels = _chain(iter(words), channels)[:2]
    return chain, channels


def _chain(words: Iterator[Word], channels: int) -> tuple[Chain, int, int]:
    """Make layers up to the end, or to the ``add`` that closes them, of which the times are returned."""
    layers: list[nn.Module] = []
    for word in words:
        if word.name == "add":
            return Chain(*layers), channels, word.numbers[0]
        if word.name == "keep":
            body, channels, times = _chain(words, channels)
            layers.append(Skip(body, word.numbers[0], times))
        else:
            fresh = bool(layers) and not isinstance(layers[-1], Crop)
            layer, channels = _layer(word, channels, fresh)
            layers.append(layer)
    return Chain(*layers), channels, 0


def _layer(word: Word, channels: int, fresh: bool) -> tuple[nn.Module, int]:
    """Make one layer; ``fresh`` says that nobody else needs the values that come in."""
    match word.name:
        case "pad":
            return Pad(*word.sides, word.mode), channels
        case "crop":
            return Crop(*word.sides), channels
        case "conv":
            width, kernel, stride = word.numbers
            return nn.Conv2d(channels, width, kernel, stride), width
        case "deconv":
            width, kernel, stride, padding, more = word.numbers
            return nn.ConvTranspose2d(channels, width, kernel, stride, padding, more), width
        case "up":
            return nn.Upsample(scale_factor=word.numbers[0]), channels
        case "norm":
            norm = InstanceNorm(channels)
            norm.eps = word.value
            return norm, channels
        case "scale":
            return Scale(channels), channels
        case "tanh":
            return Tanh(word.value), channels
        case "median":
            return Median(word.numbers[0]), channels
    return nn.ReLU(inplace=fresh), channels
