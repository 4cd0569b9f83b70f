"""One photograph with strokes of several sizes, side by side.

python scripts/strokes.py PHOTO --model starry_night --out strokes.jpg
"""

import argparse

import numpy as np
from PIL import Image

from fastnst.images import open_image
from fastnst.images.sheet import contact_sheet
from fastnst.inference import load

STROKES = (0.5, 0.7, 1.0, 1.4, 2.0)


def sheet(photo: Image.Image, strokes: tuple[float, ...], width: int, **how: str | None) -> Image.Image:
    """Paint a photograph with every size of strokes."""
    stylizer, values = load(**how), np.asarray(photo)  # type: ignore[arg-type]
    painted = [(f"stroke {stroke:g}", Image.fromarray(stylizer.paint(values, stroke=stroke))) for stroke in strokes]
    return contact_sheet([("photograph", photo), *painted], 3, width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo")
    parser.add_argument("--model")
    parser.add_argument("--style", help="a picture to paint like")
    parser.add_argument("--out", required=True)
    parser.add_argument("--strokes", nargs="+", type=float, default=STROKES)
    parser.add_argument("--width", type=int, default=640, help="of a column")
    options = parser.parse_args()
    how = {key: value for key in ("model", "style") if (value := getattr(options, key)) is not None}
    sheet(open_image(options.photo), tuple(options.strokes), options.width, **how).save(options.out, quality=92)


if __name__ == "__main__":
    main()
