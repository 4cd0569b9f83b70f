"""``fastnst train`` without arguments: a painting drawn by fastnst, scikit-image's photographs, a sheet to look at."""

from pathlib import Path

FOLDER = Path("runs") / "demo"
STYLE, PAINTING, PHOTOS = FOLDER / "style.safetensors", FOLDER / "painting.png", FOLDER / "photos"
SHEET_SIDE = 384
SHOWN = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png")

INTRODUCTION = f"""\
Training a first style: a small network learns to paint like {PAINTING}, which fastnst drew,
on the photographs of scikit-image. This takes three minutes of training on any machine, and some
seconds before and after. Ctrl-C ends it early and keeps what there is, in {FOLDER}."""


def lay_out() -> list[str]:
    """Put style and photographs in the run's folder; return the words of the training that go with them."""
    from fastnst.assets.samples import copy_photos, draw_painting
    from fastnst.images import write_image

    copy_photos(PHOTOS)
    if not PAINTING.exists():
        write_image(draw_painting(), PAINTING)
    return [f"--model.style={PAINTING}", f"--data.photos={PHOTOS}", f"--trainer.default_root_dir={FOLDER}"]


def conclusion(sheet: Path) -> str:
    """Say what there is now and what to do next."""
    return f"""\
Look at {sheet}: photographs above what the style makes of them.
Next: paint a picture of your own by the command above, or train on another painting:
  fastnst train --style PICTURE --photos {PHOTOS} --time_budget 5m"""


def write_sheet(model: Path = STYLE) -> Path:
    """Paint four of the photographs and write them below the originals, beside the model."""
    from fastnst.images import open_image, write_image
    from fastnst.images.sheet import picture_grid
    from fastnst.inference import load

    stylizer = load(model)
    squares = [picture_grid([open_image(PHOTOS / name)], 1, SHEET_SIDE) for name in SHOWN]
    path = model.parent / "sheet.png"
    write_image(picture_grid([*squares, *(stylizer(square) for square in squares)], len(squares), SHEET_SIDE), path)
    return path
