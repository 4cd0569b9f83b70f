"""Callbacks that tests add to a training in another process."""

import json
import os
import time
from pathlib import Path

from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger

from fastnst.data.photos import PhotoDataset


class DieAt(Callback):
    """End the process at once, as ``kill -9`` would, behind a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer, *args) -> None:
        if trainer.global_step == self.step:
            os._exit(9)


class Slow(Callback):
    """Take so many seconds more for each step."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_train_batch_start(self, *args) -> None:
        time.sleep(self.seconds)


class Stuck(Callback):
    """Never come out of a validation."""

    def on_validation_start(self, *args) -> None:
        time.sleep(100)


class Pictures(CSVLogger):
    """Take pictures as Weights & Biases' logger does, as files."""

    def log_image(self, key, images, step=None) -> None:
        for image in images:
            image.save(Path(self.save_dir) / f"{key}_{step}.png")


class Spy(Callback):
    """Write which photographs a process decoded and the sum of its final weights."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.keys: list[tuple[int, int]] = []

    def setup(self, trainer, pl_module, stage) -> None:
        decode, keys = PhotoDataset.__getitem__, self.keys
        PhotoDataset.__getitem__ = lambda dataset, key: keys.append(key) or decode(dataset, key)

    def on_train_end(self, trainer, pl_module) -> None:
        weights = [float(p.double().sum()) for p in pl_module.network.parameters()]
        report = json.dumps({"keys": self.keys, "weights": weights})
        (self.folder / f"{trainer.global_rank}.json").write_text(report)
