"""``fastnst train`` without arguments: a painting drawn by fastnst, scikit-image's photographs, a sheet to look at."""

from pathlib import Path

from PIL import Image

FOLDER = Path("runs") / "demo"
SHEET_SIDE = 384


def arguments() -> list[str]:
    """Lay out style and photographs in the run's folder and return the training's command line."""
    from fastnst.assets.samples import copy_photos, draw_painting
    from fastnst.images import write_image

    copy_photos(FOLDER / "photos")
    if not (FOLDER / "painting.png").exists():
        write_image(draw_painting(), FOLDER / "painting.png")
    options = {"--config": "demo", "--style": FOLDER / "painting.png", "--photos": FOLDER / "photos", "--out": FOLDER}
    print(f"training on {FOLDER / 'painting.png'} and the photographs of scikit-image, into {FOLDER}")
    return [*(str(word) for pair in options.items() for word in pair), "--resume", "auto"]


def write_sheet(model: Path) -> Path:
    """Paint four of the photographs and write them below the originals, beside the model."""
    from fastnst.images import fit, read_image, to_pil, write_image
    from fastnst.inference import load

    stylizer = load(model)
    names = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png")
    photos = [fit(read_image(FOLDER / "photos" / name), shorter=SHEET_SIDE) for name in names]
    squares = [photo[..., :SHEET_SIDE, _middle(photo.shape[-1])] for photo in photos]
    sheet = Image.new("RGB", (SHEET_SIDE * len(squares), 2 * SHEET_SIDE))
    for column, square in enumerate(squares):
        for row, image in enumerate((square, stylizer(square))):
            sheet.paste(to_pil(image), (column * SHEET_SIDE, row * SHEET_SIDE))
    path = model.parent / "sheet.png"
    write_image(sheet, path)
    return path


def _middle(width: int) -> slice:
    start = (width - SHEET_SIDE) // 2
    return slice(start, start + SHEET_SIDE)
