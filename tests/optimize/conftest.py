import pytest
import torch

from fastnst.losses import GramLoss, PerceptualLoss
from fastnst.optimize import Optimization, OptimizeConfig, Style, schedule


@pytest.fixture(autouse=True)
def _small_stages(monkeypatch):
    """Let sizes double from 24 pixels on, in place of 128."""
    monkeypatch.setattr(schedule, "SMALLEST", 24)


@pytest.fixture
def loss(toy_backbone):
    return PerceptualLoss(toy_backbone, {"relu2_1": 1.0}, {"relu1_1": 1.0, "relu2_1": 1.0}, GramLoss(), 20.0)


@pytest.fixture
def start(loss):
    """Make a run of a small picture: ``start(steps=5)``."""

    def make(height=20, width=24, objective=loss, first=None, refine=False, masks=(None,), **options):
        torch.manual_seed(0)
        content = torch.rand(1, 3, height, width)
        styles = [Style(torch.rand(1, 3, 16, 16).square(), mask=mask) for mask in masks]
        return Optimization(content, styles, objective, OptimizeConfig(**options), first, refine)

    return make
