"""The state of the random generators that a program's every part shares."""

import random
from typing import Any

import numpy as np
import torch


def random_states() -> dict[str, Any]:
    """Return where the generators of Python, NumPy and torch stand, as plain data and tensors.

    The training draws from none of them: what is random in a step is a function of its number. A callback may, or a
    network with dropout.
    """
    numpy: Any = np.random.get_state(legacy=True)
    kind, keys, *rest = numpy
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all(),
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Put the generators where :func:`random_states` saw them; those of another number of GPUs are left."""
    version, keys, gauss = states["python"]
    random.setstate((version, tuple(keys), gauss))
    kind, words, *rest = states["numpy"]
    np.random.set_state((kind, words.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
