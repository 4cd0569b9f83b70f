"""What a style will look like, before anything is trained: the shared network with the code it predicts."""

from functools import cached_property
from pathlib import Path

from PIL import Image

from fastnst.assets import SHARED
from fastnst.assets.samples import draw_landscape
from fastnst.images import open_image
from fastnst.inference import Stylizer, load
from fastnst.serve.job import ServeJob

SIDE = 512
"""Longer side of a preview, pixels."""

SAMPLE = "coffee.png"
"""Of the sample photographs, the one that previews are painted on: surfaces, edges, and a few strong colors."""


class Previews:
    """Paint like any picture at once, as ``fastnst stylize --style PICTURE`` does.

    Args:
        job: Says where to compute.
        photos: Folder of the sample photographs, if they are there; a drawn landscape stands in.
    """

    def __init__(self, job: ServeJob, photos: str) -> None:
        self.job, self.photos = job, photos

    def prepare(self) -> None:
        """Load what the first preview would wait for."""
        self(self.sample, self.sample)

    def __call__(self, style: Image.Image, photo: Image.Image) -> Image.Image:
        """Paint a photograph like a picture."""
        return self._stylizer.styled(style)(photo)

    @cached_property
    def _stylizer(self) -> Stylizer:
        return load(SHARED, self.job.device, self.job.precision, "torch")  # the graph of another engine is used once

    @cached_property
    def sample(self) -> Image.Image:
        """The photograph that is painted where a client gives none."""
        file = Path(self.photos) / SAMPLE
        return small(open_image(file)) if file.is_file() else draw_landscape(SIDE, SIDE * 2 // 3)


def small(image: Image.Image, side: int = SIDE) -> Image.Image:
    """Return a picture whose longer side has at most so many pixels: by default a photograph for a preview."""
    copied = image.copy()
    copied.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copied
