"""Silence what Lightning says about choices that are made here on purpose, for the time of a run."""

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

PATTERNS = ("LightningCLI's args parameter", r"Found \d+ module\(s\) in eval mode", ".*many workers")
LOGGERS = ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric")


@contextmanager
def quietly() -> Iterator[None]:
    """Leave the warnings, the loggers and the precision of products of the program around it as they were."""
    hook, threading.excepthook = threading.excepthook, _quiet_writers(threading.excepthook)
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    products = torch.get_float32_matmul_precision()
    with warnings.catch_warnings():
        for pattern in PATTERNS:
            warnings.filterwarnings("ignore", pattern)
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        if torch.cuda.is_available():
            torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            threading.excepthook = hook
            torch.set_float32_matmul_precision(products)
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


def _quiet_writers(before: Callable[[threading.ExceptHookArgs], object]) -> Callable[[threading.ExceptHookArgs], None]:
    """Keep the thread that writes events from printing a traceback: its error arrives at the logger."""

    def report(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and type(args.thread).__name__ == "_AsyncWriterThread"):
            before(args)

    return report
