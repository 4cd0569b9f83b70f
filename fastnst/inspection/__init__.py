"""See inside: what a layer remembers of a photograph or of a style, and what each setting does."""

from fastnst.inspection.features import feature_sheets
from fastnst.inspection.plan import Setting, SweepJob
from fastnst.inspection.reconstruct import default_layers, reconstruct
from fastnst.inspection.report import write_sweep
from fastnst.inspection.sweep import Cell, Failure, Moment, Sweep, run_sweep, within

__all__ = [
    "Cell",
    "Failure",
    "Moment",
    "Setting",
    "Sweep",
    "SweepJob",
    "default_layers",
    "feature_sheets",
    "reconstruct",
    "run_sweep",
    "within",
    "write_sweep",
]
