"""Arrays of pixels: in memory, and those that would take much of it in a temporary file.

A file that is mapped counts as memory of the process while it is looked at, but the system takes its pages back
whenever it wants them, which it cannot do with other memory.
"""

import os
import tempfile

import numpy as np

from fastnst.memory import free_memory, scratch_folder

SMALL = 2**28
"""Bytes of an array that is in memory whatever is free."""

SHARE = 4
"""A larger one is too, where it takes at most this part of what is free: a picture, its painting, and room to work."""


def room(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return an array to be filled, like ``np.empty``.

    The file has no name, so nothing is left of it, however the process ends.

    Raises:
        OSError: It would be a file, for which there is no room.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if size <= SMALL or size <= free_memory() // SHARE:
        return np.empty(shape, kind)
    with tempfile.TemporaryFile(dir=scratch_folder()) as file:  # the array keeps it open
        try:
            if hasattr(os, "posix_fallocate"):  # else a full disk would end the process when it is written
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, kind, "w+", shape=shape)
        except OSError as error:
            raise OSError(
                f"cannot keep {size / 1e9:.1f} GB of pixels in {scratch_folder()} ({error.strerror}); set TMPDIR to a "
                f"folder with more room"
            ) from error


def room_like(values: np.ndarray) -> np.ndarray:
    """Return an array of the same shape and kind, to be filled."""
    return room(values.shape, values.dtype)
