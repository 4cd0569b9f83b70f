"""The commands as functions of the same names, with options of the same names; each makes the command's job."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Unpack

from PIL import Image

from fastnst import options as o
from fastnst.images import encode_image, to_pil, write_image
from fastnst.images.given import as_image

if TYPE_CHECKING:
    from fastnst.compare.job import Comparison
    from fastnst.compare.job import OnProgress as OnCase
    from fastnst.optimize import OnProgress as OnStep
    from fastnst.training.job import OnProgress, Trained

__all__ = ["compare", "optimize", "train"]


def train(
    style: "o.Picture | Sequence[o.Picture]",
    photos: o.Path,
    *,
    out: o.Path = "runs/style",
    on_progress: "OnProgress | None" = None,
    **options: Unpack[o.TrainOptions],
) -> "Trained":
    """Train a network to paint any photograph in the style of one picture, or of several; ``fastnst train``.

    A first Ctrl-C ends it in order: what there is was saved, and is returned.

    Args:
        style: The picture to imitate: a path, a PIL image, an array ``(H, W, 3)`` of uint8, or a tensor, RGB in [0, 1];
            several for one network that paints them all.
        photos: A folder of photographs, parquet files, or the name of a set on the hub.
        out: The run's folder.
        on_progress: Called after every step; a true result ends the training in order.
        options: As of ``fastnst train --help``: ``time_budget="2m"``, ``style_weight=10``.

    Returns:
        The run's ``folder``, the style ``file`` in it, how it was ``judged``, and its ``stylizer``, ready to paint.

    Raises:
        ConfigError: A setting that cannot be, or a folder that holds a run already.
        ImageError: A style is not a picture.

    Example:
        >>> trained = fastnst.train("painting.jpg", "photos/", out="runs/mine", time_budget="2m")
        >>> trained.stylizer("holiday.jpg").save("painted.png")
    """
    from fastnst.assets import find_config
    from fastnst.training.job import NAMES, make_job
    from fastnst.training.running import run

    given = o.take(options, o.TrainOptions, "train")
    words = [f"--config={find_config(given.pop('config'), 'train')}"] if "config" in given else []
    loss, resume = o.take_loss(given), given.pop("resume", None)
    more = {name: given.pop(name) for name in list(given) if name not in NAMES}
    given |= {"photos": os.fspath(photos), "out": os.fspath(out)}
    with _files(style) as files:
        settings = {NAMES[name]: value for name, value in (given | {"style": files}).items()}
        resume = "auto" if resume is True else resume or None
        return run(make_job(settings, words, loss=loss, resume=resume, **more), on_progress)


def optimize(
    content: "o.Picture",
    style: "o.Picture | Sequence[o.Picture]",
    *,
    out: o.Path | None = None,
    on_progress: "OnStep | None" = None,
    **options: Unpack[o.OptimizeOptions],
) -> Image.Image:
    """Paint a picture by optimizing it (Gatys et al.); ``fastnst optimize``.

    Args:
        content: The photograph: a path, a PIL image, an array ``(H, W, 3)`` of uint8, or a tensor, RGB in [0, 1].
        style: What to imitate, likewise; several are mixed.
        out: A file to write as well, with a note of how it was made; one that exists is replaced.
        on_progress: Called after every step; a true result ends it there, with the best picture so far.
        options: As of ``fastnst optimize --help``: ``steps=100``, ``size="original"``, ``color="content"``.

    Raises:
        ConfigError: Settings that contradict each other.
        ImageError: A picture that cannot be read.
        FloatingPointError: The loss was not finite for the third time.

    Example:
        >>> fastnst.optimize("photo.jpg", "painting.jpg", steps=100, color="content").save("painted.png")
    """
    from fastnst.optimize import OptimizeConfig, PaintingJob, default_loss
    from fastnst.optimize.job import run

    given = o.take(options, o.OptimizeOptions, "optimize")
    given, loss = o.with_config(given, o.take_loss(given), "optimize")
    config = OptimizeConfig(
        **{item.name: given.pop(item.name) for item in fields(OptimizeConfig) if item.name in given}
    )
    masks = tuple(map(_source, _several(given.pop("mask")))) if "mask" in given else None
    if "mix" in given:
        given["mix"] = tuple(given["mix"])
    styles = tuple(map(_source, _several(style)))
    job = PaintingJob(
        _source(content),
        styles,
        os.fspath(out) if out is not None else None,
        default_loss(config.parameterization, **loss),
        config,
        masks=masks,
        **given,
    )
    return to_pil(run(job, on_progress).image)


def compare(
    model: o.Path | Sequence[o.Path],
    photos: o.Path,
    *,
    out: o.Path | None = None,
    on_progress: "OnCase | None" = None,
    **options: Unpack[o.CompareOptions],
) -> "Comparison":
    """Judge trained networks and optimizers under the objective of the first network; ``fastnst compare``.

    Args:
        model: Trained styles, by name or file.
        photos: A folder of photographs, parquet files, or the name of a set on the hub.
        out: A folder that gets the page of curves, figures and pictures as well; one that is there is replaced.
        on_progress: Called after every picture; a true result ends it there.
        options: As of ``fastnst compare --help``: ``count=3``, ``sizes=[256]``.

    Returns:
        What the page says: ``headline``, ``summaries``, ``cases``, ``facts``.

    Raises:
        ConfigError: A network that does not say what it was trained for, no photographs, or a number out of range.

    Example:
        >>> print(fastnst.compare("udnie", "holiday/", count=3, sizes=[256]).headline)
    """
    from fastnst.compare.job import CompareJob, run

    given = o.take(options, o.CompareOptions, "compare")
    models = tuple(os.fspath(one) for one in ([model] if isinstance(model, str | os.PathLike) else model))
    if "sizes" in given:
        given["sizes"] = tuple(given["sizes"])
    comparison = run(CompareJob(models=models, photos=os.fspath(photos), **given), on_progress)
    if out is not None:
        from fastnst.compare.page import write_report

        write_report(Path(out), comparison)
    return comparison


def _several(pictures: "o.Picture | Sequence[o.Picture]") -> list[Any]:
    return list(pictures) if isinstance(pictures, list | tuple) else [pictures]


def _source(picture: "o.Picture") -> str | bytes:
    """Return what a job has for a picture: its path, or the bytes of a file."""
    return os.fspath(picture) if isinstance(picture, str | os.PathLike) else encode_image(as_image(picture))


@contextmanager
def _files(pictures: "o.Picture | Sequence[o.Picture]") -> Iterator[str | list[str]]:
    """Give the paths of style pictures, which are files for that long, called as they were or ``style``."""
    given = _several(pictures)
    with TemporaryDirectory() as folder:
        paths = []
        for number, picture in enumerate(given):
            if isinstance(picture, str | os.PathLike):
                paths.append(os.fspath(picture))
                continue
            name = Path(getattr(picture, "filename", "") or "style").stem
            paths.append(str(Path(folder) / str(number) / f"{name}.png"))
            write_image(as_image(picture), paths[-1])
        yield paths if isinstance(pictures, list | tuple) else paths[0]
