"""Pictures as text, for files that hold plain data: a checkpoint keeps the style picture that way."""

import base64
import io
from typing import Any

from PIL import features
from torch import Tensor

from fastnst.errors import first_line
from fastnst.images.errors import ImageError
from fastnst.images.io import read_image, to_pil

AVIF: dict[str, Any] = {"format": "AVIF", "quality": 60, "subsampling": "4:4:4"}
"""As near to the picture, by the style terms, as one of quality 80, which has twice the bytes."""

JPEG: dict[str, Any] = {"format": "JPEG", "quality": 90, "subsampling": 0}


def pack_image(image: Tensor) -> str:
    """Turn one image, RGB in [0, 1], into text that :func:`unpack_image` reads: a file of all its colors in base 64.

    The file is an AVIF, or where Pillow was built without it a JPEG.
    """
    data = io.BytesIO()
    to_pil(image).save(data, **(AVIF if features.check("avif") else JPEG))
    return base64.b64encode(data.getvalue()).decode()


def unpack_image(text: str) -> Tensor:
    """Return ``(1, 3, H, W)``, RGB in [0, 1], from the text of :func:`pack_image`.

    Raises:
        ImageError: It is not one.
    """
    try:
        return read_image(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ImageError(f"a packed picture cannot be read ({first_line(error)})") from None
