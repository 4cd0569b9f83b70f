"""What is to be painted, and what became of it: plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from fastnst import __version__
from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.images import MAX_PIXELS
from fastnst.images.recolor import Color, ColorMethod
from fastnst.inference.engines import Engine
from fastnst.inference.loading import load
from fastnst.inference.picture import Layer, Painter
from fastnst.inference.tiled import Statistics
from fastnst.remote import Place

Task = tuple[Place, Place]
"""A picture, and the file it becomes."""

LOOK = ("model", "style", "strength", "mask", "color", "color_by", "stroke", "size", "statistics")
"""Settings of a job that decide how a picture looks; they are noted in it, where they are not the default."""


@dataclass(frozen=True)
class StylizeJob:
    """Pictures to paint with one model, or with several at different places.

    Args:
        tasks: The picture and the file it becomes, one pair per picture; see :func:`fastnst.inference.plan.plan`.
        model: A bundled style by name, or a trained file; told by the style where it is left out. Several with a mask
            each.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``; see :class:`Stylizer`.
        engine: ``auto``, ``torch``, ``onnx`` or ``openvino``; see :class:`Stylizer`.
        skip_existing: Leave out pictures whose result exists.
        style: One of the model's styles by name, the path of a picture, or weights of such; see :func:`load`. Several
            with a mask each.
        strength: 0 for the photograph as it is, 1 for all of the style.
        mask: A picture for each model or style: white is painted, black keeps the photograph.
        color: Whose colors the result has.
        color_by: How ``color="content"`` keeps the photograph's.
        stroke: Size of the strokes, as a multiple of what the model paints; see :meth:`Stylizer.paint`.
        size: Longer side of the results, pixels; that of each picture by default.
        memory: Bytes to work with, besides pictures and results; a share of what is free by default.
        statistics: Of pictures larger than the memory: ``exact`` or ``thumbnail``.
        salvage: Use broken pictures as far as they can be decoded.
        max_pixels: Of the largest picture that is read, or of all frames of an animation together.
        keep_metadata: Keep where a photograph was taken, the notes of the camera's maker, and XMP.
        manifest: A file that gets a line about every picture; see :mod:`fastnst.inference.manifest`.
    """

    tasks: Sequence[Task] = ()
    model: str | tuple[str, ...] | None = None
    device: str | None = None
    precision: Precision | None = None
    engine: Engine = "auto"
    skip_existing: bool = False
    style: str | Mapping[str, float] | tuple[str, ...] | None = None
    strength: float = 1.0
    mask: tuple[str, ...] = ()
    color: Color = "style"
    color_by: ColorMethod = "luminance"
    stroke: float = 1.0
    size: int | None = None
    memory: int | None = None
    statistics: Statistics = "exact"
    salvage: bool = False
    max_pixels: int = MAX_PIXELS
    keep_metadata: bool = False
    manifest: Place | None = None

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
        if len(self.mask) not in ({count} if count > 1 else {0, 1}):
            raise ConfigError(f"--mask has {len(self.mask)} for {count} styles; give one for each style")
        return [(models[i % len(models)], styles[i % len(styles)]) for i in range(count)]

    def load(self) -> Painter:
        """Load the models in their styles."""
        where = (self.device, self.precision, self.engine)
        loaded = [load(model, *where, style, self.strength) for model, style in self.layers()]
        layers = [Layer(stylizer, mask) for stylizer, mask in zip(loaded, self.mask or (None,), strict=True)]
        how = {"memory": self.memory, "statistics": self.statistics, "stroke": self.stroke, "size": self.size}
        return Painter(layers, self.color, self.color_by, how)


@dataclass(frozen=True)
class Painted:
    """A picture that was painted.

    Args:
        seconds: From reading to writing it, with what it waited for others.
        sha256: Of the file it became.
    """

    source: str
    target: str
    width: int
    height: int
    seconds: float
    sha256: str


@dataclass(frozen=True)
class Failed:
    """A picture that was not, and what is wrong with it, beginning with its name or that of its result."""

    source: str
    target: str
    seconds: float
    error: str

    @property
    def reason(self) -> str:
        """What is wrong, without the name; equal for pictures that have the same fault."""
        return self.error.removeprefix(f"{self.source}: ").removeprefix(f"{self.target}: ")


@dataclass(frozen=True)
class Skipped:
    """A picture whose result existed.

    Args:
        unnoted: The result, if a run that was killed has painted it and could not note it.
    """

    source: str
    unnoted: Painted | None = None


@dataclass
class StylizeResult:
    """What became of the pictures of a job, in their order.

    Attributes:
        obstacle: Why the job ended before its last picture, if it did: a full disk, say.
    """

    painted: list[Painted] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    obstacle: str | None = None

    def add(self, outcome: Painted | Failed | Skipped) -> None:
        """Take note of one more picture."""
        match outcome:
            case Painted():
                self.painted.append(outcome)
            case Failed():
                self.failed.append(outcome)
            case Skipped():
                self.skipped.append(outcome.source)

    @property
    def done(self) -> int:
        """The number of pictures that are settled."""
        return len(self.painted) + len(self.skipped) + len(self.failed)


def note(job: StylizeJob, source: str | Place, target: str | Place) -> dict[str, Any]:
    """Return how a picture was made, for the file itself: the settings, and the command that makes it again."""
    settings = dict(_look(job))
    words = [word for name, value in settings.items() for word in _words(name, value)]
    command = ["fastnst", "stylize", str(source), *words, "--out", str(target)]
    return {"fastnst": __version__, "command": command, "settings": settings}


def _look(job: StylizeJob) -> Iterator[tuple[str, Any]]:
    defaults = {setting.name: setting.default for setting in fields(job)}
    for name in LOOK:
        value = getattr(job, name)
        if isinstance(value, Mapping):
            yield "mix", dict(value)
        elif value != defaults[name]:
            yield name, value


def _words(name: str, value: Any) -> list[str]:
    """Write a setting as it is typed."""
    if isinstance(value, Mapping):
        return [f"--{name}", *(f"{key}:{weight:g}" for key, weight in value.items())]
    if isinstance(value, tuple) and name != "mask":
        return [word for one in value for word in (f"--{name}", one)]
    if value is True:
        return [f"--{name}"]
    words = value if isinstance(value, tuple) else (f"{value:g}" if isinstance(value, float) else str(value),)
    return [f"--{name}", *words]
