"""A sweep: one pair of pictures optimized under every combination of settings, with the loss at every evaluation."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from fastnst.backbones import FeatureExtractor, build_backbone
from fastnst.devices import pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.images import fit, read_image, to_pil
from fastnst.inspection.plan import Setting, SweepJob
from fastnst.losses import PerceptualLoss, by_kind
from fastnst.optimize import Optimization, OptimizeConfig, Style, first_picture


@dataclass(frozen=True)
class Moment:
    """The loss after so many evaluations and seconds, and its sums by kind."""

    evaluations: int
    seconds: float
    loss: float
    kinds: dict[str, float]


@dataclass(frozen=True)
class Cell:
    """The result of one combination.

    Args:
        setting: The combination.
        picture: The result.
        terms: Its loss terms, by path.
        seconds: Of the optimization.
        curve: The loss at every evaluation at the full size; at smaller sizes it is another loss.
        photograph: The loss of the unchanged photograph.
    """

    setting: Setting
    picture: Image.Image
    terms: dict[str, float]
    seconds: float
    curve: tuple[Moment, ...]
    photograph: float

    @property
    def loss(self) -> float:
        """The loss of the result."""
        return sum(self.terms.values())

    def reached(self, goal: float) -> int | None:
        """Return the evaluations after which the loss first was as low as ``goal``; nothing if it never was."""
        return next((moment.evaluations for moment in self.curve if moment.loss <= goal), None)


@dataclass(frozen=True)
class Failure:
    """A combination that has no result, and why: a picture too small for a layer, or more than memory holds."""

    setting: Setting
    error: Exception


@dataclass(frozen=True)
class Sweep:
    """All results, how many there would have been without an interruption, and what failed."""

    cells: Sequence[Cell]
    planned: int
    failures: Sequence[Failure] = ()

    @property
    def interrupted(self) -> bool:
        """Whether combinations were not tried."""
        return len(self.cells) + len(self.failures) < self.planned


OnProgress = Callable[[Cell | Failure, int, int], bool | None]
"""Called with each result, its number from 1, and how many there will be; returns true to stop there."""


def run_sweep(job: SweepJob, on_progress: OnProgress | None = None) -> Sweep:
    """Optimize the pair under every combination of settings; one that fails keeps none of the others from it.

    Args:
        job: The settings.
        on_progress: Called after every combination; a true result stops the sweep there.

    Raises:
        ConfigError: An unknown name, no weights, no such device.
        OSError: A picture cannot be read.
    """
    reuse_memory()
    device = pick_device(job.device)
    content, style = read_image(job.content), read_image(job.style)
    settings = job.settings()
    backbones = {name: backbone.to(device) for name, backbone in _backbones(settings).items()}
    found: list[Cell | Failure] = []
    for setting in settings:
        try:
            loss = setting.loss.build(backbones[setting.loss.backbone]).to(device)
            photo, imitated = (within(picture, setting.size).to(device) for picture in (content, style))
            found.append(_cell(setting, photo, imitated, loss, job.config))
        except (ConfigError, RuntimeError, MemoryError) as error:
            found.append(Failure(setting, error))
        if on_progress and on_progress(found[-1], len(found), len(settings)):
            break
    cells = [one for one in found if isinstance(one, Cell)]
    return Sweep(cells, len(settings), [one for one in found if isinstance(one, Failure)])


def within(picture: Tensor, size: int) -> Tensor:
    """Shrink ``(B, 3, H, W)`` until its longer side is ``size``; smaller pictures stay as they are."""
    return fit(picture, longer=min(size, max(picture.shape[2:])))


def lowest(cells: Iterable[Cell], like: Cell) -> float:
    """Return the lowest loss on any curve of the objective of ``like``; not a number if no curve has a finite one."""
    objective = like.setting.objective()
    same = (cell for cell in cells if cell.setting.objective() == objective)
    losses = [moment.loss for cell in same for moment in cell.curve if math.isfinite(moment.loss)]
    return min(losses, default=math.nan)


def _backbones(settings: Sequence[Setting]) -> dict[str, FeatureExtractor]:
    """Load each backbone once, as deep as any setting needs it."""
    losses = {setting.loss.backbone: setting.loss for setting in settings}
    layers: dict[str, dict[str, None]] = {name: {} for name in losses}
    for setting in settings:
        layers[setting.loss.backbone] |= dict.fromkeys([*setting.loss.content, *setting.loss.style])
    return {
        name: build_backbone(name, layers[name], loss.weights, loss.pooling, loss.padding)
        for name, loss in losses.items()
    }


def _cell(setting: Setting, photo: Tensor, style: Tensor, loss: PerceptualLoss, config: OptimizeConfig) -> Cell:
    config = replace(config, optimizer=setting.optimizer, lr=setting.lr, stages=config.stages or 1)
    styles = [Style(style)]
    with torch.no_grad():
        unchanged = float(loss(photo, loss.content_target(photo), loss.style_target(style)).total)
    first = first_picture(setting.init, photo, styles, loss, config)
    run = Optimization(photo, styles, loss, config, first)
    curve: list[Moment] = []
    start = time.perf_counter()
    try:
        for state in run:
            terms = {path: float(term) for path, term in state.report.terms.items()}
            if state.size == tuple(photo.shape[2:]):
                seconds = time.perf_counter() - start
                curve.append(Moment(state.step, seconds, sum(terms.values()), by_kind(terms)))
    except FloatingPointError:  # too long steps are a result too: the best before them
        pass
    seconds = time.perf_counter() - start
    result = run.result()
    terms = {path: float(term) for path, term in result.report.terms.items()}
    return Cell(setting, to_pil(result.image), terms, seconds, tuple(curve), unchanged)
