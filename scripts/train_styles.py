"""Train every bundled style again, and one network of all of them; publish each with its card, and paint the sheet.

    python scripts/train_styles.py --pictures styles/ --paintings paintings.parquet --photos photos_train.parquet \
        --val photos_val.parquet --time_budget 3m --gallery_budget 12m --steady 10 --sheet photos/*.jpg

What there is to train stands in ``styles.yaml``. Options that this script does not know go to every ``fastnst train``,
such as ``--size 256``. A training that was interrupted goes on where it stood, and one that is finished is not made
again (remove its folder in ``--runs`` for that); cards are written anew every time. The first photograph of ``--sheet``
is what the gallery's card shows.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from card import FOLDER, SHEET, publish, say_size, write_sheet
from style_table import Artwork, fetch_picture, find, read_table

from fastnst.assets.samples import copy_photos
from fastnst.checkpoint import STYLE_FILE
from fastnst.training.folder import holds_run

GALLERY = "gallery"
FINISHED = "finished"
"""A file in the folder of a run whose training has come to its end."""

INTERRUPTED = (130, 143)
PARTLY = 3


@dataclass(frozen=True)
class Plan:
    """What all trainings have in common.

    Args:
        photos: As ``fastnst train`` takes them.
        val: Likewise; by default some of ``photos``.
        pictures: Folder of style pictures.
        paintings: Parquet file of others.
        runs: Where the runs are kept, and pictures that are in no file of their own.
        folder: Where styles and cards are published.
        more: Further options of ``fastnst train``.
    """

    photos: str
    val: str | None = None
    pictures: Path | None = None
    paintings: Path | None = None
    runs: Path = Path("runs/styles")
    folder: Path = FOLDER
    more: Sequence[str] = field(default_factory=tuple)

    def picture(self, artwork: Artwork) -> str:
        """Return the path of an artwork's picture."""
        return str(fetch_picture(artwork, self.pictures, self.paintings, self.runs / "pictures"))

    def photographs(self, artwork: Artwork | None) -> list[str]:
        """Return the options that say which photographs to train on."""
        if artwork is not None and artwork.photos == "samples":
            copy_photos(self.runs / "photos")
            return ["--photos", str(self.runs / "photos"), "--data.val_count", "2"]
        return ["--photos", self.photos, *(["--val", self.val] if self.val else [])]


def train(name: str, words: Sequence[str], plan: Plan) -> int:
    """Run ``fastnst train`` unless it has been run to its end; return its exit code."""
    run = plan.runs / name
    if (run / FINISHED).exists():
        return 0
    print(f"{name}:", flush=True)
    going_on = ["--resume"] if holds_run(run) else []
    code = fastnst(["train", *words, *plan.more, "--out", str(run), *going_on])
    if not code:
        (run / FINISHED).touch()
    return code


def fastnst(words: Sequence[str]) -> int:
    """Run a command of this checkout in a process of its own; return its exit code."""
    return subprocess.run([sys.executable, "-m", "fastnst", *words], check=False).returncode


def train_style(artwork: Artwork, budget: str, plan: Plan) -> int:
    """Train one style and publish it; return the exit code."""
    own = [word for key, value in artwork.train.items() for word in (f"--{key}", str(value))]
    words = ["--style", plan.picture(artwork), *plan.photographs(artwork), "--time_budget", budget, *own]
    code = train(artwork.name, words, plan)
    if not code:
        print(say_size(publish(plan.runs / artwork.name / STYLE_FILE, artwork.name, plan.folder)), flush=True)
    return code


def train_gallery(artworks: Sequence[Artwork], budget: str, plan: Plan, photo: Path | None) -> int:
    """Train all styles in one network and publish it; return the exit code."""
    pictures = [plan.picture(artwork) for artwork in artworks]
    code = train(GALLERY, ["--styles", *pictures, *plan.photographs(None), "--time_budget", budget], plan)
    if not code:
        file = publish(plan.runs / GALLERY / STYLE_FILE, GALLERY, plan.folder, photo=photo)
        print(say_size(file), flush=True)
    return code


def train_all(
    table: Mapping[str, Artwork],
    names: Sequence[str],
    budgets: tuple[str, str],
    plan: Plan,
    photo: Path | None = None,
) -> int:
    """Train styles by name, one after the other; a failure is told and the others are made nevertheless.

    Args:
        table: All artworks; all are in the gallery.
        names: What to train: those of artworks, and :data:`GALLERY`.
        budgets: Time for each style, and for the gallery.
        plan: What all trainings have in common.
        photo: What the gallery's card shows.

    Returns:
        0, 3 if some failed, 130 or 143 when interrupted.
    """
    failed = []
    for name in names:
        if name == GALLERY:
            code = train_gallery(list(table.values()), budgets[1], plan, photo)
        else:
            code = train_style(table[name], budgets[0], plan)
        if code in INTERRUPTED:
            return code
        failed += [name] if code else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return PARTLY if failed else 0


def parser() -> argparse.ArgumentParser:
    """Build the parser."""
    own = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    own.add_argument("--pictures", type=Path, metavar="FOLDER", help="style pictures, by the names in styles.yaml")
    own.add_argument("--paintings", type=Path, metavar="FILE", help="a parquet file with image, title and artist")
    own.add_argument("--photos", required=True, help="as fastnst train takes them")
    own.add_argument("--val", help="likewise; by default some of --photos")
    own.add_argument("--time_budget", default="3m", metavar="TIME", help="for each style (default: 3m)")
    own.add_argument("--gallery_budget", default="20m", metavar="TIME", help="for the network of all (default: 20m)")
    own.add_argument("--only", nargs="+", metavar="NAME", help=f"train these alone, of styles.yaml and {GALLERY}")
    own.add_argument("--sheet", nargs="+", type=Path, metavar="PHOTO", help="paint these into the sheet of all styles")
    own.add_argument("--runs", type=Path, default=Plan.runs, metavar="FOLDER", help="where to keep the runs")
    return own


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line, and train."""
    options, more = parser().parse_known_args(argv)
    table = read_table()
    names = options.only or [*table, GALLERY]
    plan = Plan(options.photos, options.val, options.pictures, options.paintings, options.runs, more=more)
    wanted = [find(name, table) for name in names if name != GALLERY]
    for artwork in table.values() if GALLERY in names else wanted:
        plan.picture(artwork)  # all there, before hours are spent
    photo = options.sheet[0] if options.sheet else None
    code = train_all(table, names, (options.time_budget, options.gallery_budget), plan, photo)
    if options.sheet and code not in INTERRUPTED:
        write_sheet(options.sheet, SHEET)
    return code


if __name__ == "__main__":
    sys.exit(main())
