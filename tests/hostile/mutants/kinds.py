"""The kinds of files, by name."""

from importlib.util import find_spec

import numpy as np

from mutants import configs, graphs, pictures, styles, tables, videos, weights
from mutants.case import Case, Ground, Kind

KINDS = {
    "pictures": Kind(pictures.make),
    "styles": Kind(styles.make),
    "weights": Kind(weights.make),
    "configs": Kind(configs.make, first=configs.first),
    "tables": Kind(tables.make, first=tables.first),
    "videos": Kind(videos.make, ("av", "cv2")),
    "graphs": Kind(graphs.make, ("onnx", "onnxscript", "onnxruntime")),
}


class Absent(Exception):  # noqa: N818 (says that there is nothing to try)
    """A kind needs packages that are not here."""


def case_of(kind: str, seed: int, number: int, ground: Ground) -> Case:
    """Make the case of a kind with a seed and a number: always the same.

    Raises:
        Absent: The kind needs packages that are not here.
    """
    missing = [name for name in KINDS[kind].needs if find_spec(name) is None]
    if missing:
        raise Absent(f"{kind} need {', '.join(missing)}")
    rng = np.random.default_rng([seed, number, *kind.encode()])
    return KINDS[kind].make(rng, ground)
