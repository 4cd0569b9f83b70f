"""Reduce a picture to the 256 colors of a GIF."""

import numpy as np
from PIL import Image

from fastnst.images.picture import Picture

COLORS = 255
"""One place of the palette is left for what is transparent."""


def to_palette(picture: Picture, transparent: bool) -> Image.Image:
    """Return a picture of 8 bits as a PIL image of mode ``P``; what is less than half opaque is transparent.

    Colors are chosen by median cut and spread by Floyd and Steinberg's error diffusion.

    Args:
        picture: 8 bits.
        transparent: Give the palette a color for what is transparent, be there any or not.
    """
    color = Image.fromarray(picture.values)
    palette = color.quantize(COLORS, Image.Quantize.MEDIANCUT)
    image = color.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    if transparent:
        clear = False if picture.alpha is None else picture.alpha < 128
        places = np.where(clear, COLORS, np.asarray(image)).astype(np.uint8)
        colors = image.getpalette() or []
        image = Image.fromarray(places, "P")
        image.putpalette(colors + [0] * (768 - len(colors)))
        image.info["transparency"] = COLORS
    return image
