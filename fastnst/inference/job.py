"""What to paint and how, as plain data, and how that is noted in a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnst import __version__
from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.images import MAX_PIXELS, MOVING, Picture, read_pictures
from fastnst.images.decode import Source
from fastnst.images.recolor import Color, ColorMethod
from fastnst.inference.engines import Engine
from fastnst.inference.picture import Layer, Painter
from fastnst.inference.stylizer import load

STANDARD = {"strength": 1.0, "color": "style", "color_by": "luminance"}
"""What a note leaves out."""


@dataclass(frozen=True)
class StylizeJob:
    """Pictures to paint with one model, or with several at different places; plain data.

    Args:
        tasks: The picture and the file it becomes, one pair per picture; see :func:`plan`.
        model: A bundled style by name, or a trained file; told by the style where it is left out. Several with a mask
            each.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``; see :class:`Stylizer`.
        engine: ``torch`` or ``openvino``; see :class:`Stylizer`.
        skip_existing: Leave out pictures whose result exists.
        style: One of the model's styles by name, the path of a picture, or weights of such; see :func:`load`. Several
            with a mask each.
        strength: 0 for the photograph as it is, 1 for all of the style.
        masks: A picture for each model or style: white is painted, black keeps the photograph.
        color: Whose colors the result has.
        color_by: How ``color="content"`` keeps the photograph's.
        salvage: Use broken pictures as far as they can be decoded.
        max_pixels: Of the largest picture that is read, or of all frames of an animation together.
        keep_metadata: Keep where a photograph was taken, the notes of the camera's maker, and XMP.
    """

    tasks: Sequence[tuple[Path, Path]]
    model: str | tuple[str, ...] | None
    device: str | None = None
    precision: Precision | None = None
    engine: Engine = "torch"
    skip_existing: bool = False
    style: str | Mapping[str, float] | tuple[str, ...] | None = None
    strength: float = 1.0
    masks: tuple[str, ...] = ()
    color: Color = "style"
    color_by: ColorMethod = "luminance"
    salvage: bool = False
    max_pixels: int = MAX_PIXELS
    keep_metadata: bool = False

    def layers(self) -> list[tuple[str | None, str | Mapping[str, float] | None]]:
        """Pair models and styles; a single one goes with all of the other.

        Raises:
            ConfigError: As many models as styles, or one of either, are wanted; and a mask for each of several.
        """
        models = self.model if isinstance(self.model, tuple) else (self.model,)
        styles = self.style if isinstance(self.style, tuple) else (self.style,)
        count = max(len(models), len(styles))
        if {len(models), len(styles)} - {1, count}:
            raise ConfigError(f"{len(models)} models and {len(styles)} styles; give one style for each model")
        if len(self.masks) not in ({count} if count > 1 else {0, 1}):
            raise ConfigError(f"--mask has {len(self.masks)} for {count} styles; give one for each style")
        return [(models[i % len(models)], styles[i % len(styles)]) for i in range(count)]

    def load(self) -> Painter:
        """Load the models in their styles."""
        how = (self.device, self.precision, self.engine)
        loaded = [load(model, *how, style, self.strength) for model, style in self.layers()]
        masks = self.masks or (None,)
        layers = [Layer(stylizer, mask) for stylizer, mask in zip(loaded, masks, strict=True)]
        return Painter(layers, self.color, self.color_by)


def read(source: Source, fmt: str, job: StylizeJob, name: str | None = None) -> list[Picture]:
    """Read a picture, or what a format can hold of an animation, as a job says."""
    still = fmt not in MOVING
    return read_pictures(source, name, still=still, salvage=job.salvage, max_pixels=job.max_pixels)


def note(job: StylizeJob, source: Path, target: Path) -> dict[str, Any]:
    """Return how a picture was made, for the file itself."""
    given: dict[str, Any] = {"model": job.model, "strength": job.strength, "mask": job.masks}
    given |= {"color": job.color, "color_by": job.color_by}
    given |= {"mix": dict(job.style)} if isinstance(job.style, Mapping) else {"style": job.style}
    settings = {name: value for name, value in given.items() if value not in (None, (), STANDARD.get(name))}
    before = _words("model", settings.get("model"))
    after = [word for name, value in settings.items() if name != "model" for word in _words(name, value)]
    command = ["fastnst", "stylize", *before, str(source), *after, "--out", str(target)]
    return {"fastnst": __version__, "command": command, "settings": settings}


def _words(name: str, value: Any) -> list[str]:
    """Write a setting as on the command line."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [f"--{name}", *(f"{style}:{weight:g}" for style, weight in value.items())]
    if isinstance(value, tuple) and name != "mask":
        return [word for one in value for word in (f"--{name}", one)]
    words = value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else value,)
    return [f"--{name}", *words]
