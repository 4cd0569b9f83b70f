"""Layers written as words, and what follows from them: receptive field and the sizes a network works at."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastnst.errors import ConfigError

NUMBERS = {
    "pad": (1, 2),
    "crop": (1, 2),
    "conv": (3, 3),
    "deconv": (5, 5),
    "up": (1, 1),
    "norm": (1, 1),
    "scale": (0, 0),
    "relu": (0, 0),
    "tanh": (1, 1),
    "median": (1, 1),
    "keep": (1, 1),
    "add": (1, 1),
}
"""How many numbers each word takes."""

PADDINGS = {"reflect": "reflect", "zeros": "constant", "replicate": "replicate"}
LARGEST = 1024
"""The size in pixels up to which the smallest one that works is looked for; also the largest multiple."""

MOST = {
    "pad": (256, 256),
    "crop": (256, 256),
    "conv": (1024, 64, 16),
    "deconv": (1024, 64, 16, 64, 16),
    "up": (8,),
    "median": (7,),
    "keep": (256,),
    "add": (64,),
}
"""The largest numbers of each word: far beyond what programs have, and below what a file might ask for in bad faith."""

MOST_LAYERS, MOST_NESTED, MOST_VALUES, MOST_PADDED = 500, 16, 512, 1024
"""Layers; ``keep`` within ``keep``; values and padding per pixel of the picture, the latter over all layers."""


@dataclass(frozen=True)
class Word:
    """One layer: its name, its whole numbers, and its padding or number with a fraction."""

    name: str
    numbers: tuple[int, ...] = ()
    mode: str = ""
    value: float = 0.0

    @property
    def sides(self) -> tuple[int, int]:
        """Pixels before and behind, which are the same where only one number is given."""
        return self.numbers[0], self.numbers[-1]


class TooSmall(Exception):  # noqa: N818 (control flow, no error)
    """A picture is smaller than the layers need."""


def parse(text: str) -> Word:
    """Read a layer such as ``"conv 64 3 2"``.

    Raises:
        ConfigError: Not a layer.
    """
    name, *rest = (text.split() if isinstance(text, str) else []) or [""]
    mode = rest.pop(0) if name == "pad" and rest and rest[0] in PADDINGS else ""
    fewest, most = NUMBERS.get(name, (-1, -1))
    try:
        if not fewest <= len(rest) <= most or (name == "pad" and not mode):
            raise ValueError
        if name in ("norm", "tanh"):
            return Word(name, value=float(rest[0]))
        word = Word(name, tuple(int(number) for number in rest), mode)
    except ValueError:
        raise ConfigError(f"foreign does not know the layer {str(text)[:80]!r}; known: {', '.join(NUMBERS)}") from None
    least = 0 if name in ("pad", "crop", "keep") else 1
    if min(word.numbers[:3], default=least) < least or min(word.numbers, default=0) < 0:
        raise ConfigError(f"foreign cannot make the layer {text!r}: a number is too small")
    if any(number > most for number, most in zip(word.numbers, MOST.get(name, ()), strict=False)):
        raise ConfigError(f"foreign cannot make the layer {text[:80]!r}: a number is too large")
    return word


def check_extent(words: Sequence[Word]) -> None:
    """Refuse layers that cannot be nested, and those that would take any amount of memory or time.

    Raises:
        ConfigError: Says what there is too much of.
    """
    step, channels, padded, depth, last = 1.0, 3, 0.0, 0, -1
    for word in words:
        depth += {"keep": 1, "add": -1}.get(word.name, 0)
        if not 0 <= depth <= MOST_NESTED:
            break
        if word.name in ("conv", "deconv"):
            last, channels = depth, word.numbers[0]
            step = step * word.numbers[2] if word.name == "conv" else step / word.numbers[2]
        step = step / word.numbers[0] if word.name == "up" else step
        padded += step * max(word.sides) if word.name == "pad" else 0
        if channels / step**2 > MOST_VALUES or padded > MOST_PADDED or step > LARGEST:
            raise ConfigError("foreign: the layers ask for more memory than any picture needs")
    if depth or last:
        raise ConfigError("foreign: every keep needs its add, and the last convolution stands behind them")


def receptive_field(words: Sequence[Word]) -> int:
    """Return the side of the square, centered on an output pixel, that may matter to it.

    A position ``i`` of a layer sees the pixels from ``step * i + low`` to ``step * i + high``.

    Raises:
        ConfigError: The result has another resolution than the picture.
    """
    low = high = 0.0
    step, kept = 1.0, []
    for word in words:
        match word.name:
            case "keep":
                kept.append((low + step * word.numbers[0], high + step * word.numbers[0]))
            case "add":
                low, high = min(low, kept[-1][0]), max(high, kept.pop()[1])
            case "pad":
                low, high = low - step * word.sides[0], high - step * word.sides[0]
            case "crop":
                low, high = low + step * word.sides[0], high + step * word.sides[0]
            case "conv":
                high, step = high + step * (word.numbers[1] - 1), step * word.numbers[2]
            case "median":
                low, high = low - step * (word.numbers[0] // 2), high + step * (word.numbers[0] // 2)
            case "up":
                step /= word.numbers[0]
                low -= step * (word.numbers[0] - 1)
            case "deconv":
                _, kernel, stride, padding, _ = word.numbers
                step /= stride
                low, high = low + step * (padding - kernel + 1), high + step * padding
    if step != 1:
        raise ConfigError(f"foreign: the layers return one pixel for {step:g} of the picture")
    return 2 * int(max(-low, high)) + 1


def sizes(words: Sequence[Word]) -> tuple[int, int]:
    """Return the multiple that sides must be of, and the shortest side, for which the result has the picture's size.

    Raises:
        ConfigError: There is none.
    """
    multiple = 1
    for word in words:
        multiple *= word.numbers[2] if word.name == "conv" else 1
    if multiple > LARGEST:
        raise ConfigError(f"foreign: sides would have to be multiples of {multiple}")
    for least in range(multiple, LARGEST + 1, multiple):
        try:
            if size_of(words, least) == least and size_of(words, least + multiple) == least + multiple:
                return multiple, least
        except TooSmall:
            continue
        break
    raise ConfigError("foreign: the layers do not return a picture of the size that they are given")


def size_of(words: Sequence[Word], size: int) -> int:
    """Return how many pixels become of ``size``.

    Raises:
        TooSmall: A layer needs more.
        ConfigError: Two sizes are added that differ.
    """
    kept = []
    for word in words:
        if word.name == "keep":
            kept.append(size - 2 * word.numbers[0])
        elif word.name == "add":
            if kept.pop() != size:
                raise ConfigError("foreign: layers are added whose sizes differ")
        else:
            size = _sized(word, size)
    return size


def _sized(word: Word, size: int) -> int:
    least = 1
    match word.name:
        case "pad":
            least = 1 + (max(word.sides) if word.mode == "reflect" else 0)
            after = size + sum(word.sides)
        case "crop":
            after = size - sum(word.sides)
        case "conv":
            least, after = word.numbers[1], (size - word.numbers[1]) // word.numbers[2] + 1
        case "deconv":
            _, kernel, stride, padding, more = word.numbers
            after = (size - 1) * stride - 2 * padding + kernel + more
        case "up":
            after = size * word.numbers[0]
        case "norm":
            least, after = 2, size  # a single value has no variance
        case _:
            after = size
    if size < least or after < 1:
        raise TooSmall
    return after
