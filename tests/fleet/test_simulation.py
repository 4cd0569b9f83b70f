"""The simulated fleet settles every picture once, and pays for trouble alone."""

import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    yield importlib.import_module("simulate_fleet")
    sys.modules.pop("simulate_fleet", None)


def test_without_trouble_a_fleet_takes_the_ideal_time(simulation):
    calm = {"spread": 0.0, "slow_share": 0.0, "hang": 1e12, "death": 1e12, "preempted": 1e12}
    out = simulation.simulate(simulation.Assumptions(pictures=6400, workers=4, seconds=0.5, **calm))
    assert out.settled == out.painted == 6400
    assert out.seconds == pytest.approx(6400 * 0.5 / 4, rel=0.02)


def test_with_trouble_every_picture_is_settled_or_given_up(simulation):
    rough = {"hang": 3000.0, "death": 2000.0, "preempted": 4000.0, "slow_share": 0.1}
    out = simulation.simulate(simulation.Assumptions(pictures=5000, workers=16, seconds=1.0, seed=1, **rough))
    assert out.settled + out.given_up == 5000
    assert out.lost_workers > 0
    assert out.painted >= out.settled
