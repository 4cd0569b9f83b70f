"""Train on where the disk takes nothing: say so once, try again, and say when it works again."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from pytorch_lightning.loggers import TensorBoardLogger

from fastnst.errors import first_line

log = logging.getLogger(__name__)


class Disk:
    """Errors of the system that a run goes on with.

    Attributes:
        failed: What could not be written the last time, with the reason.
    """

    def __init__(self) -> None:
        self.failed: dict[str, OSError] = {}

    @contextmanager
    def tolerating(self, name: str) -> Iterator[None]:
        """Note an ``OSError`` of the block in place of raising it; warn of the first in a row."""
        try:
            yield
        except OSError as error:
            if name not in self.failed:
                log.warning("%s; the training goes on, and tries again later", error)
            self.failed[name] = error
        else:
            if self.failed.pop(name, None):
                log.warning("%s: written again", name)

    def check(self) -> None:
        """Raise the first error that still stands."""
        for error in self.failed.values():
            raise error


class PatientLogger(TensorBoardLogger):
    """TensorBoard's events; what cannot be written is lost, and the next is tried in a new file."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._disk = Disk()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self._trying():
            super().log_metrics(metrics, step)

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Log PIL images."""
        with self._trying():
            for image in images:
                self.experiment.add_image(key, np.asarray(image), step, dataformats="HWC")

    def save(self) -> None:
        with self._trying():
            super().save()

    def finalize(self, status: str) -> None:
        with self._trying():
            super().finalize(status)

    @contextmanager
    def _trying(self) -> Iterator[None]:
        """Begin a new file behind one that could not be written: the writer's thread has ended."""
        with self._disk.tolerating(f"{self.log_dir}: the events of TensorBoard"):
            try:
                yield
            except (OSError, ValueError) as error:  # Lightning makes a ValueError of any
                cause = error if isinstance(error, OSError) else error.__cause__
                if not isinstance(cause, OSError):
                    raise
                self._abandon()
                reason = cause.strerror or first_line(cause)
                raise OSError(f"{self.log_dir}: the events of TensorBoard cannot be written ({reason})") from None

    def _abandon(self) -> None:
        writer, self._experiment = self._experiment, None
        with suppress(OSError):
            if writer is not None:
                writer.close()
