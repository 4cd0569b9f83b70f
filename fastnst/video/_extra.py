"""PyAV and OpenCV, which are an extra: one line says so where they are absent."""

from typing import Any

from fastnst.errors import ConfigError


def import_av() -> Any:
    """Return PyAV.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import av
        import av.error  # a module of its own
    except ImportError as error:
        raise ConfigError(f"video needs PyAV ({error}): install fastnst[video]") from None
    return av


def import_cv2() -> Any:
    """Return OpenCV.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(f"video needs OpenCV ({error}): install fastnst[video]") from None
    return cv2
