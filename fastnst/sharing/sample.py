"""A picture of what a style paints, for its card."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from fastnst.assets.samples import draw_painting, find_photo
from fastnst.checkpoint import Metadata
from fastnst.images import open_image
from fastnst.images.sheet import contact_sheet
from fastnst.inference import Stylizer
from fastnst.networks import TransformationNetwork

SIDE = 480
"""Width of a picture in the sheet, pixels."""

MOST_SHOWN = 11
"""Styles in the sheet at most."""


def sample(
    file: Path, network: TransformationNetwork, metadata: Metadata, name: str, photo: str | None = None
) -> Image.Image:
    """Show a photograph beside what the style makes of it; of several styles, what each does.

    Args:
        file: Of the style.
        network: What is in it.
        metadata: Likewise.
        name: What a style without a name is called.
        photo: The path of a photograph; one of scikit-image's by default, or where that is not installed, a drawn sea.
    """
    stylizer = Stylizer(network, metadata, "cpu", "float32", "torch")
    source = photo or find_photo()
    shown = _reduced(open_image(source) if source else draw_painting())
    pictures = [("photograph" if source else "drawn", shown), *_painted(stylizer, shown, name)]
    return contact_sheet(pictures, min(len(pictures), 2 if len(pictures) in (2, 4) else 3), SIDE)


def _painted(stylizer: Stylizer, photo: Image.Image, name: str) -> Iterator[tuple[str, Image.Image]]:
    if len(stylizer.styles) > 1:
        for style in stylizer.styles[:MOST_SHOWN]:
            yield style, stylizer.styled(style)(photo)
    elif stylizer.styles or stylizer.network.styles is None:
        yield name, stylizer(photo)
    else:  # the style of any picture
        painting = draw_painting()
        yield "a picture", painting
        yield "painted like it", stylizer.styled(painting)(photo)


def _reduced(photo: Image.Image) -> Image.Image:
    scale = min(1.0, SIDE / photo.width)
    return photo.resize((round(photo.width * scale), max(1, round(photo.height * scale))), Image.Resampling.LANCZOS)
