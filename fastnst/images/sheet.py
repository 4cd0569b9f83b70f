"""Several pictures in one: contact sheets with labels, and plain grids of squares."""

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

MARGIN, LABEL = 6, 18


def contact_sheet(pictures: Sequence[tuple[str, Image.Image]], columns: int, width: int = 256) -> Image.Image:
    """Lay labelled pictures out in rows.

    Args:
        pictures: Label and picture; no picture is enlarged, and larger ones are shrunk to ``width``.
        columns: Pictures in a row.
        width: Of a column, pixels.
    """
    font = ImageFont.load_default(12)
    cells = [_labelled(_fit(picture.convert("RGB"), width), label, width, font) for label, picture in pictures]
    sheet = _lay_out(cells, columns, width, MARGIN)
    return ImageOps.expand(sheet, MARGIN, "white")


def picture_grid(pictures: Sequence[Image.Image], columns: int, side: int) -> Image.Image:
    """Lay the middle squares of pictures out in rows, without margins or labels.

    Args:
        pictures: Row by row; each is scaled until it covers its square.
        columns: Pictures in a row.
        side: Of a square, pixels.
    """
    squares = [ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS) for picture in pictures]
    return _lay_out(squares, columns, side, 0)


def _lay_out(cells: Sequence[Image.Image], columns: int, width: int, gap: int) -> Image.Image:
    """Put cells of one width into rows as high as their highest cell, with a gap between cells and between rows."""
    if not cells or columns < 1:
        raise ValueError(f"a sheet needs a picture and a column, got {len(cells)} and {columns}")
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) for row in rows]
    count = min(columns, len(cells))
    size = (count * width + (count - 1) * gap, sum(heights) + (len(rows) - 1) * gap)
    sheet = Image.new("RGB", size, "white")
    for top, row in zip(_starts(heights, gap), rows, strict=True):
        for number, cell in enumerate(row):
            sheet.paste(cell, (number * (width + gap), top))
    return sheet


def _starts(lengths: Sequence[int], gap: int) -> Iterator[int]:
    start = 0
    for length in lengths:
        yield start
        start += length + gap


def _labelled(
    picture: Image.Image, label: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    cell = Image.new("RGB", (width, picture.height + LABEL), "white")
    ImageDraw.Draw(cell).text((0, 0), _short(label, font, width), fill="black", font=font)
    cell.paste(picture, (0, LABEL))
    return cell


def _fit(picture: Image.Image, width: int) -> Image.Image:
    scale = min(1.0, width / picture.width, 2 * width / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)


def _short(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while label and font.getlength(label) > width:
        label = label[:-1]
    return label
