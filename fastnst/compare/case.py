"""One photograph at one size: the pictures of networks, and every optimizer's trajectory."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from PIL import Image
from torch import Tensor

from fastnst.compare.judge import Judge, Verdict
from fastnst.compare.trajectories import Point, Problem, follow, trajectories
from fastnst.images import to_pil
from fastnst.losses import PerceptualLoss
from fastnst.optimize import OptimizeConfig

Painter = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Painted:
    """What became of a network's picture: its loss, and the seconds it took."""

    verdict: Verdict
    seconds: float


@dataclass
class Case:
    """All results on one photograph at one size.

    Args:
        name: Of the photograph.
        size: Side in pixels.
        photo: The loss of the unchanged photograph.
        networks: Each network's picture.
        curves: Each optimizer's trajectory; one that starts from a network is called after it.
        pictures: The photograph and the networks' pictures, by name, where pictures are kept.
    """

    name: str
    size: int
    photo: Verdict
    networks: dict[str, Painted] = field(default_factory=dict)
    curves: dict[str, list[Point]] = field(default_factory=dict)
    pictures: dict[str, Image.Image] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """What is compared, on every photograph alike.

    Args:
        loss: The objective.
        unseen: See :class:`Judge`.
        style: What is imitated, RGB in [0, 1].
        content_scales: Those of the training; measured on each photograph by default.
        networks: By name.
        config: Evaluations that each optimizer gets, seed and precision.
    """

    loss: PerceptualLoss
    unseen: PerceptualLoss
    style: Tensor
    content_scales: Mapping[str, float] | None
    networks: Mapping[str, Painter]
    config: OptimizeConfig

    def hold(self, name: str, photo: Tensor, keep: bool = False) -> Case:
        """Let networks and optimizers paint one photograph, and judge them all.

        Args:
            name: Of the photograph.
            photo: ``(1, 3, H, W)``, RGB in [0, 1].
            keep: Keep pictures.
        """
        judge = Judge(self.loss, self.unseen, self.style, photo, self.content_scales)
        case = Case(name, max(photo.shape[2:]), judge(photo, closely=True))
        painted = {network: paint(photo) for network, paint in self.networks.items()}
        for network, picture in painted.items():
            seconds = _seconds(self.networks[network], photo)
            case.networks[network] = Painted(judge(picture, closely=True), seconds)
        if keep:
            case.pictures = {key: to_pil(picture) for key, picture in ({"photograph": photo} | painted).items()}
        problem = Problem(photo, self.style, self.loss, self.content_scales, self.config)
        for optimizer, pictures in trajectories(problem, painted).items():
            case.curves[optimizer] = follow(pictures, judge, self.config.steps or 0, keep)
        return case


def _seconds(paint: Painter, photo: Tensor, turns: int = 3) -> float:
    """Return the median time of painting a photograph that is in memory."""
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        paint(photo)
        times.append(time.perf_counter() - start)
    return median(times)
