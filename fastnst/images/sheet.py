"""Contact sheets: pictures in rows, each with a label."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

MARGIN, LABEL = 6, 18


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]], columns: int, width: int = 256) -> Image.Image:
    """Lay labelled pictures out in rows.

    Args:
        pictures: Label and picture; no picture is enlarged, and larger ones are shrunk to ``width``.
        columns: Pictures in a row.
        width: Of a column, pixels.
    """
    shrunk = [(label, _fit(picture.convert("RGB"), width)) for label, picture in pictures]
    rows = [shrunk[i : i + columns] for i in range(0, len(shrunk), columns)]
    heights = [max(picture.height for _, picture in row) + LABEL + MARGIN for row in rows]
    sheet = Image.new("RGB", (min(columns, len(shrunk)) * (width + MARGIN) + MARGIN, sum(heights) + MARGIN), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    top = MARGIN
    for row, height in zip(rows, heights, strict=True):
        for number, (label, picture) in enumerate(row):
            left = MARGIN + number * (width + MARGIN)
            pen.text((left, top), _short(label, font, width), fill="black", font=font)
            sheet.paste(picture, (left, top + LABEL))
        top += height
    return sheet


def _fit(picture: Image.Image, width: int) -> Image.Image:
    scale = min(1.0, width / picture.width, 2 * width / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _short(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while label and font.getlength(label) > width:
        label = label[:-1]
    return label
