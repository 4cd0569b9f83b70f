"""How a video moves: optical flow, where it can be trusted, and pictures moved along it."""

from typing import Any

import numpy as np

from fastnst.video._extra import import_cv2

LEAST = 16
"""Side of the smallest picture whose flow is computed, in pixels."""

AGREE = 1.0
"""Pixels within which there and back must end where they began."""

ALIKE = 24
"""Levels of 255 by which a pixel may have become lighter or darker."""

Motion = tuple[np.ndarray, np.ndarray]
"""Where each pixel was in the frame before, as columns and rows to there, ``(h, w, 2)``; and whether that is sure."""


class Flow:
    """Compute dense flow between frames.

    Args:
        quick: Whether on a picture of half the size, which takes a fifth of the time.

    Sources: Kroeger et al. Fast Optical Flow using Dense Inverse Search. ECCV 2016. Sundaram, Brox, Keutzer. Dense
    Point Trajectories by GPU-Accelerated Large Displacement Optical Flow. ECCV 2010 (forward against backward).
    """

    def __init__(self, quick: bool = True) -> None:
        self.cv2: Any = import_cv2()
        self.quick = quick
        preset = self.cv2.DISOPTICAL_FLOW_PRESET_FAST if quick else self.cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
        self._dis = self.cv2.DISOpticalFlow_create(preset)

    def gray(self, values: np.ndarray) -> np.ndarray:
        """Return what flow is computed on: ``(h, w)`` in 8 bits, of RGB values ``(H, W, 3)``."""
        gray = self.cv2.cvtColor(np.ascontiguousarray(values), self.cv2.COLOR_RGB2GRAY)
        height, width = gray.shape
        if not self.quick or min(height, width) < 2 * LEAST:
            return gray
        return self.cv2.resize(gray, (width // 2, height // 2), interpolation=self.cv2.INTER_AREA)

    def between(self, before: np.ndarray, now: np.ndarray) -> Motion | None:
        """Return where each pixel of now was before, and whether that is sure; ``None`` of pictures too small.

        Args:
            before, now: As of :meth:`gray`, of one shape.

        Returns:
            Columns and rows from now to before, ``(h, w, 2)``, and ``(h, w)``: true where the flow from before to now
            leads back within :data:`AGREE`, stays inside, and what is found there is as bright within :data:`ALIKE`.
        """
        if min(now.shape) < LEAST:
            return None
        back = self._dis.calc(now, before, None)
        forth = self._dis.calc(before, now, None)
        there = self.move(forth, back)
        height, width = now.shape
        columns, rows = grid(height, width)
        x, y = columns + back[..., 0], rows + back[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        alike = self.cv2.absdiff(self.move(before, back), now) <= ALIKE
        return back, inside & alike & (np.square(back + there).sum(-1) < AGREE**2)

    def full(self, back: np.ndarray, height: int, width: int) -> np.ndarray:
        """Enlarge a flow to a picture of ``height`` and ``width``."""
        if back.shape[:2] == (height, width):
            return back
        scale = np.array([width / back.shape[1], height / back.shape[0]], np.float32)
        return self.cv2.resize(back, (width, height), interpolation=self.cv2.INTER_LINEAR) * scale

    def move(self, picture: np.ndarray, back: np.ndarray) -> np.ndarray:
        """Fetch every pixel of a picture from where the flow says that it was; both of one height and width."""
        columns, rows = grid(*back.shape[:2])
        return self.cv2.remap(
            picture,
            columns + back[..., 0],
            rows + back[..., 1],
            self.cv2.INTER_CUBIC if picture.dtype == np.uint8 else self.cv2.INTER_LINEAR,
            borderMode=self.cv2.BORDER_REPLICATE,
        )


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the column and the row of every pixel, as arrays that broadcast to ``(height, width)``."""
    return np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
