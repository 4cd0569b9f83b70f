"""A window that shows frames as they are painted."""

import os
import sys

import numpy as np

from fastnst.errors import ConfigError
from fastnst.video._extra import import_cv2

CLOSE = (27, ord("q"))
"""Keys that close the window: Escape and q."""


class Window:
    """Show frames, until it is closed or a key of :data:`CLOSE` is pressed.

    Raises:
        ConfigError: There is no display, or OpenCV was built without windows.
    """

    def __init__(self, title: str) -> None:
        self.cv2, self.title = import_cv2(), title
        if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            raise ConfigError("--show needs a display, and there is none here; leave it out, and give --out")
        try:
            self.cv2.namedWindow(title, self.cv2.WINDOW_NORMAL)
        except self.cv2.error:
            raise ConfigError(
                "--show: this OpenCV is built without windows; pip uninstall opencv-python-headless, then pip install "
                "opencv-python"
            ) from None

    def show(self, values: np.ndarray) -> bool:
        """Show RGB values ``(H, W, 3)`` of 8 bits; say whether to stop."""
        self.cv2.imshow(self.title, values[..., ::-1])
        pressed = self.cv2.waitKey(1) & 0xFF
        return pressed in CLOSE or self.cv2.getWindowProperty(self.title, self.cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        """Close the window."""
        self.cv2.destroyWindow(self.title)
