"""Train transformation networks.

The recipe needs no Lightning and is what this package exports; :mod:`fastnst.training.module` and the callbacks beside
it run it under Lightning.
"""

from fastnst.training.clock import Clock
from fastnst.training.recipe import Recipe, Targets, Training, step, take_targets

__all__ = ["Clock", "Recipe", "Targets", "Training", "step", "take_targets"]
