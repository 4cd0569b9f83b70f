"""Look at strengths and mixes of the styles of one network, in a sheet.

    python scripts/mixes.py gallery photo.jpg --out sheet.jpg
    python scripts/mixes.py shared photo.jpg --styles a.jpg b.jpg c.jpg --out sheet.jpg

A row for each style, from the photograph (strength 0) to all of the style (strength 1); below, a row for each style and
the next, from the one to the other.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image

from fastnst.atomic import replacing
from fastnst.images import open_image
from fastnst.images.sheet import contact_sheet
from fastnst.inference import Stylizer, load

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)

Cells = Iterator[tuple[str, Image.Image]]


def strengths(stylizer: Stylizer, styles: Sequence[str], photo: Image.Image) -> Cells:
    """Paint in each style at each strength."""
    for style in styles:
        for strength in STEPS:
            yield f"{Path(style).stem} {strength:g}", stylizer.styled(style, strength)(photo)


def mixes(stylizer: Stylizer, styles: Sequence[str], photo: Image.Image) -> Cells:
    """Paint in mixes of each style and the next."""
    for first, second in pairwise(styles):
        for share in STEPS:
            label = f"{Path(first).stem} {1 - share:g}, {Path(second).stem} {share:g}"
            yield label, stylizer.styled({first: 1 - share, second: share})(photo)


def write_sheet(model: str, photo: Image.Image, out: Path, styles: Sequence[str] = (), width: int = 256) -> None:
    """Write the sheet as a JPEG.

    Args:
        model: A network of several styles, or one that paints like any picture.
        photo: What is painted; it is shrunk to twice ``width`` first.
        out: Where to.
        styles: Names, or pictures; by default all that the network has names for.
        width: Of a column, pixels.
    """
    stylizer, photo = load(model), photo.copy()
    photo.thumbnail((2 * width, 2 * width), Image.Resampling.LANCZOS)
    styles = styles or stylizer.styles
    sheet = contact_sheet(
        [*strengths(stylizer, styles, photo), *mixes(stylizer, styles, photo)], columns=len(STEPS), width=width
    )
    with replacing(out) as temporary:
        sheet.save(temporary, format="JPEG", quality=90)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name or a file; shared for the network that paints like any picture")
    parser.add_argument("photo", type=Path)
    parser.add_argument("--styles", nargs="+", default=(), help="names or pictures; all names by default")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width", type=int, default=256, help="of a column, pixels")
    options = parser.parse_args()
    write_sheet(options.model, open_image(options.photo), options.out, options.styles, options.width)


if __name__ == "__main__":
    main()
