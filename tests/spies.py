"""Callbacks that tests add to a training in another process."""

import contextlib
import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch
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


class KillProcess(Callback):
    """Kill one of several processes in a step."""

    def __init__(self, rank: int, step: int) -> None:
        self.rank, self.step = rank, step

    def on_before_optimizer_step(self, trainer, *args) -> None:
        if trainer.global_rank == self.rank and trainer.global_step == self.step - 1:
            os.kill(os.getpid(), signal.SIGKILL)


class Waits(Callback):
    """Let one of several processes come out of a step no more."""

    def __init__(self, rank: int, step: int) -> None:
        self.rank, self.step = rank, step

    def on_before_optimizer_step(self, trainer, *args) -> None:
        if trainer.global_rank == self.rank and trainer.global_step == self.step - 1:
            time.sleep(1000)


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
        weights = [float(p.detach().double().sum()) for p in pl_module.network.parameters()]
        report = json.dumps({"keys": self.keys, "weights": weights, "step": trainer.global_step})
        (self.folder / f"{trainer.global_rank}.json").write_text(report)


class Poison(Callback):
    """Make gradients that are no numbers, at some steps."""

    def __init__(self, steps: list[int]) -> None:
        self.steps = steps

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        if trainer.global_step in self.steps:
            next(pl_module.network.parameters()).grad.fill_(float("nan"))


class KillWorkers(Callback):
    """Send a signal to every worker process behind a step."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_train_batch_end(self, trainer, *args) -> None:
        if trainer.global_step == self.step:
            for child in multiprocessing.active_children():
                os.kill(child.pid, self.number)


class Random(Callback):
    """Draw from the generators that everything shares, and add a little of that to the weights."""

    def on_train_batch_end(self, trainer, pl_module, *args) -> None:
        drawn = torch.rand(1).item() + np.random.rand() + random.random()
        with torch.no_grad():
            next(pl_module.network.parameters()).add_(1e-6 * drawn)


class DieIn(Callback):
    """End the process at once, as ``kill -9`` would, in the last validation."""

    def on_validation_start(self, trainer, *args) -> None:
        if trainer.global_step == trainer.max_steps:
            os._exit(9)


class Fill(Callback):
    """Fill the disk behind one step, and empty it behind another."""

    def __init__(self, file: str, full: int, free: int) -> None:
        self.file, self.full, self.free = Path(file), full, free

    def on_train_batch_end(self, trainer, *args) -> None:
        if trainer.global_step == self.free:
            self.file.unlink()
        if trainer.global_step == self.full:
            with contextlib.suppress(OSError), self.file.open("wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass


class SignalAt(Callback):
    """Send this process a signal in a step; note at the next validation what is in the resume file."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_train_batch_start(self, trainer, *args) -> None:
        if trainer.global_step == self.step - 1:
            os.kill(os.getpid(), self.number)

    def on_validation_start(self, trainer, *args) -> None:
        folder = Path(trainer.default_root_dir)
        saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
        (folder / "saved.json").write_text(json.dumps(saved))
