"""Train transformation networks.

The recipe needs no Lightning and is what this package exports; :mod:`fastnst.training.module` and the callbacks beside
it run it under Lightning.
"""

from fastnst.training.clock import Clock
from fastnst.training.draws import Draw, draw
from fastnst.training.recipe import Recipe, Training
from fastnst.training.start import Start, initial_network
from fastnst.training.steps import Targets, judge, step, take_targets

__all__ = [
    "Clock",
    "Draw",
    "Recipe",
    "Start",
    "Targets",
    "Training",
    "draw",
    "initial_network",
    "judge",
    "step",
    "take_targets",
]
