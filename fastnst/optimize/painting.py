"""One picture to paint, and what became of it; plain data."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images.recolor import Color, ColorMethod
from fastnst.losses import LossConfig, LossReport
from fastnst.networks import TransformationNetwork
from fastnst.optimize.canvas import Parameterization
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.inputs import CanvasShape, Source
from fastnst.optimize.start import STARTS
from fastnst.optimize.state import RunState

PHOTOREALISTIC = 3.0
"""Style weight at which a photograph seems taken in the other's light; at 30 trees glow and domes go dark."""


def default_loss(parameterization: Parameterization = "pixels", **settings: Any) -> LossConfig:
    """Return the loss of these settings, whose style weight is 3 for a network on one photograph unless given."""
    return LossConfig(**({"style_weight": PHOTOREALISTIC} if parameterization == "hrnet" else {}) | settings)


@dataclass(frozen=True)
class PaintingJob:
    """One picture to paint; plain data.

    Args:
        content: The photograph: a path, or the bytes of a file.
        styles: What to imitate; several are mixed into one picture.
        out: The .png, .jpg, .webp, .tif or .gif to write, with what belongs to it beside it; nothing is written by
            default.
        loss: What is compared; by default as :func:`default_loss`.
        config: How it is optimized.
        size: Longer side of the result, pixels; smaller photographs keep their size. Nothing stands for their own size.
        enlarge: Enlarge smaller photographs to ``size``.
        canvas: Whose proportions the result has; for ``style``, the middle of the photograph is cut out.
        style_size: Shorter side of each style, pixels: the size of strokes. Nothing stands for its own size.
        mix: Share of each style; equal by default.
        masks: A picture for each style: white paints, black keeps the photograph.
        color: Whose colors the result has.
        color_by: How ``color="content"`` keeps the photograph's.
        init: What to begin with: one of :data:`~fastnst.optimize.start.STARTS`, a picture, or a trained network, by
            file or by name, whose painting of the photograph is refined.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.

    Raises:
        ConfigError: Settings that contradict each other.
    """

    content: Source
    styles: tuple[Source, ...]
    out: str | None = None
    loss: LossConfig | None = None
    config: OptimizeConfig = field(default_factory=OptimizeConfig)
    size: int | None = 512
    enlarge: bool = False
    canvas: CanvasShape = "content"
    style_size: int | None = 384
    mix: tuple[float, ...] | None = None
    masks: tuple[Source, ...] | None = None
    color: Color = "style"
    color_by: ColorMethod = "luminance"
    init: str = "content"
    device: str | None = None

    def __post_init__(self) -> None:
        for name in ("mix", "masks"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.styles):
                option = name.removesuffix("s")
                raise ConfigError(f"--{option} has {len(given)} for {len(self.styles)} styles; give one for each style")
        if self.mix is not None and (min(self.mix) < 0 or not sum(self.mix)):
            raise ConfigError(f"--mix {self.mix}: shares must not be negative, nor all zero")
        if self.config.parameterization == "hrnet" and self.init != "content":
            raise ConfigError(f"--init {self.init}: hrnet begins with random weights; leave --init out")
        for name in ("size", "style_size"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"--{name} {value}: must be at least 1")

    @property
    def objective(self) -> LossConfig:
        """What is compared."""
        return self.loss or default_loss(self.config.parameterization)

    @property
    def refines(self) -> bool:
        """Whether it begins with a given picture, which is optimized at the full size only."""
        return self.init not in STARTS

    @property
    def method(self) -> ColorMethod | None:
        """How the photograph's colors are kept, if they are."""
        return self.color_by if self.color == "content" else None


@dataclass(frozen=True)
class Painting:
    """What became of a job.

    Args:
        image: The best picture so far, ``(1, 3, H, W)`` around RGB in [0, 1].
        report: Its loss.
        steps: Steps taken.
        seconds: Time spent, with that of earlier calls if it was resumed.
        interrupted: Whether ``on_progress`` stopped it before its end.
        state: To go on from, if it was interrupted.
        network: What painted it, where the weights of a network were optimized.
    """

    image: Tensor
    report: LossReport
    steps: int
    seconds: float
    interrupted: bool
    state: RunState | None = None
    network: TransformationNetwork | None = None

    def facts(self) -> dict[str, Any]:
        """Return loss, terms, steps and seconds as plain data."""
        terms = {path: float(term) for path, term in self.report.terms.items()}
        loss = float(self.report.total)
        return {"loss": loss, "terms": terms, "steps": self.steps, "seconds": round(self.seconds, 2)}
