"""What a job leaves: the picture with a note of how it was made, a network, a state to resume from."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastnst import __version__
from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.images import fit, pack_image, read_image, read_note, write_image
from fastnst.losses import LossConfig
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.inputs import Source, label, stem
from fastnst.optimize.painting import Painting, PaintingJob, default_loss
from fastnst.optimize.state import save_state

OWN = ("size", "enlarge", "canvas", "style_size", "color", "color_by", "init", "device")
"""Settings of a job itself that are spelled alike on the command line."""


def state_file(out: str | Path) -> Path:
    """Return where the state of an interrupted picture is kept."""
    return Path(f"{out}.resume")


def network_file(out: str | Path) -> Path:
    """Return where the network is kept that painted a picture."""
    return Path(out).with_suffix(".safetensors")


def write(job: PaintingJob, painting: Painting) -> None:
    """Write the picture to ``job.out``, and beside it the network and the state, if there are any."""
    assert job.out is not None
    write_image(painting.image, job.out, note(job, painting))
    if painting.network is not None:
        save_checkpoint(network_file(job.out), painting.network, metadata(job, painting))
    if painting.state is not None:
        save_state(painting.state, state_file(job.out), settings(job))
    else:
        state_file(job.out).unlink(missing_ok=True)


def is_finished(job: PaintingJob, same: bool = False) -> bool:
    """Tell whether a job's picture is there, and nothing to go on from.

    Args:
        job: With ``out``.
        same: Count only a picture whose note says that it was made with these settings.
    """
    assert job.out is not None
    if not Path(job.out).exists() or state_file(job.out).exists():
        return False
    return not same or (read_note(job.out) or {}).get("settings") == settings(job)


def settings(job: PaintingJob) -> dict[str, Any]:
    """Return what the picture depends on, as plain data; pictures and networks by digest."""
    own = {name: getattr(job, name) for name in OWN if name != "device"}
    given = [*job.styles, *(job.masks or ()), *([job.init] if Path(job.init).is_file() else [])]
    files = {label(source): _digest(source) for source in (job.content, *given)}
    described = {"mix": job.mix, "loss": job.objective.describe(), "files": files}
    plain: dict[str, Any] = json.loads(json.dumps(own | vars(job.config) | described))
    return plain


def note(job: PaintingJob, painting: Painting) -> dict[str, Any]:
    """Say how a picture was made, for the file itself."""
    facts = {"settings": settings(job), "result": painting.facts()}
    return {"fastnst": __version__, "command": command(job), **facts}


def command(job: PaintingJob) -> list[str]:
    """Return the words that repeat a picture on the command line; what is default is left out."""
    words = ["fastnst", "optimize", "--content", label(job.content), "--style", *map(label, job.styles)]
    words += ["--out", job.out or "-"]
    if len(job.styles) > 1 or job.mix:
        words += ["--mix", *map(str, job.mix or ())]
    if job.masks:
        words += ["--mask", *map(label, job.masks)]
    standard = {item.name: item.default for item in fields(PaintingJob)}
    words += _options({name: getattr(job, name) for name in OWN}, standard)
    words += _options(vars(job.config), vars(OptimizeConfig()))
    loss, names = job.objective, {"content": "content_layers", "style": "style_layers"}
    usual = default_loss(job.config.parameterization, backbone=loss.backbone)
    return words + _options({names.get(k, k): v for k, v in vars(loss).items()}, _renamed(usual, names))


def _renamed(loss: LossConfig, names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in vars(loss).items()} | {"backbone": LossConfig().backbone}


def _options(given: dict[str, Any], standard: dict[str, Any]) -> list[str]:
    """Write settings that differ from the standard as words; no size is the original's."""
    words = []
    for name, value in given.items():
        if value == standard[name]:
            continue
        if value is True:
            words += [f"--{name}"]
        elif isinstance(value, dict):
            words += [f"--{name}", *([f"{layer}:{weight}" for layer, weight in value.items()] or ["{}"])]
        else:
            words += [f"--{name}", "original" if value is None else str(value)]
    return words


def metadata(job: PaintingJob, painting: Painting) -> Metadata:
    """Say how a network was made, for its file."""
    height, width = painting.image.shape[2:]
    training = {"photo": stem(job.content), "size": [height, width], "steps": painting.steps, "seed": job.config.seed}
    assert painting.network is not None
    return Metadata(
        network=describe(painting.network),
        styles=[_style_facts(style, job.style_size) for style in job.styles],
        loss=job.objective.describe(),
        training=training,
        created=datetime.now(UTC).date().isoformat(),
        fastnst_version=__version__,
    )


def _style_facts(style: Source, size: int | None) -> dict[str, Any]:
    picture = read_image(style)
    picture = fit(picture, shorter=size) if size else picture
    facts = {"name": stem(style), "sha256": _digest(style, 64), "size": list(picture.shape[2:])}
    return facts | {"picture": pack_image(picture)}


def _digest(source: Source, digits: int = 16) -> str:
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    return sha256(data).hexdigest()[:digits]
