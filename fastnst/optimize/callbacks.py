"""Watch a run: previews as files, a TensorBoard log; for ``on_progress`` of a job."""

from pathlib import Path

from fastnst.images import write_image
from fastnst.optimize.progress import OnProgress, Progress

PICTURE_EVERY = 50
"""Steps between pictures of a TensorBoard log."""


class Previews:
    """Write the picture every so many steps, as ``00010.jpg``.

    Args:
        folder: Where to.
        every: Steps between two pictures.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every

    def __call__(self, progress: Progress) -> None:
        if progress.step % self.every == 0:
            write_image(progress.image, self.folder / f"{progress.step:05}.jpg")


class TensorBoardLog:
    """Log every loss term, and now and then the picture.

    Args:
        folder: Of the log.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def __call__(self, progress: Progress) -> None:
        self._writer.add_scalar("loss", progress.report.total, progress.step)
        for path, term in progress.report.terms.items():
            self._writer.add_scalar(path, term, progress.step)
        if progress.step % PICTURE_EVERY == 0:
            self._writer.add_image("stylized", progress.image[0].clamp(0, 1), progress.step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def each(*callbacks: OnProgress) -> OnProgress:
    """Call several callbacks after every step; any of them stops the run."""

    def called(progress: Progress) -> bool:
        answers = [callback(progress) for callback in callbacks]
        return any(answers)

    return called
