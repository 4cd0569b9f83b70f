"""Reduce pictures to the 256 colors of a GIF."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from fastnst.images.picture import Picture

COLORS = 255
"""One place of the palette is left for what is transparent."""

LOOKED_AT = 2**17
"""Pixels that the colors are chosen by."""


def to_palette(pictures: Sequence[Picture], transparent: bool) -> list[Image.Image]:
    """Return pictures of 8 bits as PIL images of mode ``P``; what is less than half opaque is transparent.

    All share one palette, chosen by median cut and k-means, and every color becomes the nearest in it. So what does not
    move does not change, which colors of each frame's own and error diffusion would make it do; the file is less than
    half as large, and painted textures hide the steps between colors.

    Args:
        pictures: 8 bits, of one size.
        transparent: Give the palette a color for what is transparent, be there any or not.
    """
    palette = _palette(pictures)
    return [_reduced(picture, palette, transparent) for picture in pictures]


def _palette(pictures: Sequence[Picture]) -> Image.Image:
    """Choose colors by pixels evenly spread over all pictures."""
    height, width = pictures[0].size
    step = max(1, round((len(pictures) * height * width / LOOKED_AT) ** 0.5))
    seen = np.concatenate([picture.values[::step, ::step] for picture in pictures])
    return Image.fromarray(np.ascontiguousarray(seen)).quantize(COLORS, Image.Quantize.MEDIANCUT, kmeans=1)


def _reduced(picture: Picture, palette: Image.Image, transparent: bool) -> Image.Image:
    image = Image.fromarray(picture.values).quantize(palette=palette, dither=Image.Dither.NONE)
    if transparent:
        clear = False if picture.alpha is None else picture.alpha < 128
        places = np.where(clear, COLORS, np.asarray(image)).astype(np.uint8)
        colors = image.getpalette() or []
        image = Image.fromarray(places, "P")
        image.putpalette(colors + [0] * (768 - len(colors)))
        image.info["transparency"] = COLORS
    return image
