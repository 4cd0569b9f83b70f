"""Pictures made of characters."""

import os
from typing import Literal, TextIO

import numpy as np
from PIL import Image

Colors = Literal["none", "256", "full"]

SHADES = np.array(list(" .:-=+*#%@"))
"""From dark to light: most terminals are dark."""

RESET = "\x1b[0m"


def colors_of(stream: TextIO) -> Colors:
    """Tell how many colors ``stream`` shows, and with which blocks can be drawn: none where it is not a terminal.

    Source: https://no-color.org; COLORTERM as terminals of 24-bit color set it.
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not stream.isatty() or "utf" not in (stream.encoding or "").lower():
        return "none"
    return "full" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256"


def draw(picture: Image.Image, columns: int, rows: int, colors: Colors) -> list[str]:
    """Return a picture as lines of characters: colored half blocks, two pixels each, or shades of ASCII."""
    if colors == "none":
        light = np.asarray(picture.convert("L").resize((columns, rows), Image.Resampling.BOX))
        return ["".join(line) for line in SHADES[light.astype(int) * len(SHADES) // 256]]
    pixels = np.asarray(picture.convert("RGB").resize((columns, 2 * rows), Image.Resampling.BOX)).tolist()
    return [
        "".join(f"\x1b[38;{_code(u, colors)};48;{_code(v, colors)}m▀" for u, v in zip(upper, lower, strict=True))
        + RESET
        for upper, lower in zip(pixels[::2], pixels[1::2], strict=True)
    ]


def _code(pixel: list[int], colors: Colors) -> str:
    """Name a color: as it is, or by the nearest corner of the 6 x 6 x 6 cube that 256 colors have."""
    if colors == "full":
        return "2;" + ";".join(map(str, pixel))
    red, green, blue = (max(0, round((value - 55) / 40)) if value >= 75 else value // 48 for value in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"
