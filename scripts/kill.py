"""Is a training that was killed again and again, and resumed, bit for bit the one that was not?

    python scripts/kill.py --kills 20 --out kills/

Trains a tiny network at 32 pixels on photographs of every kind (a folder, parquet files, a stream of parquet files,
gradients accumulated over two batches), once undisturbed and once killed by ``SIGKILL``: every other time at a random
moment, else while a resume file is being written. Then the two resume files and styles are compared tensor by tensor:
weights, Adam's moments, random states, position in the photographs, learning rate; all but the clock. Every life is a
fork of this process, which has imported everything: a second in place of ten.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Image, load_dataset
from PIL import Image as Pictures
from safetensors.torch import load_file, save_file
from torch import Tensor

import fastnst.training.running  # noqa: F401 (before the forks)
from fastnst.cli import run
from fastnst.data import module as data_module
from fastnst.training.folder import RESUME_FILE, damage

KINDS = ("folder", "parquet", "stream", "accumulated")
LEFT_OUT = ("clock",)
"""What cannot be the same: the time it took."""


@dataclass
class Ledger:
    """What was done to a run, and what came of it."""

    kind: str
    kills: int = 0
    while_saving: int = 0
    damaged: int = 0
    equal: bool = False


def prepare(root: Path) -> None:
    """Draw a style and photographs, as files and in three parquet files, and weights for a small backbone."""
    generator = np.random.default_rng(0)
    (root / "photos").mkdir(parents=True)
    for number in range(24):
        small = Pictures.fromarray(generator.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        small.resize((64, 50), Pictures.Resampling.BICUBIC).save(root / "photos" / f"{number:02}.png")
    shutil.copy(root / "photos" / "00.png", root / "style.png")
    (root / "tables").mkdir()
    for part in range(3):
        rows = [
            {"bytes": file.read_bytes(), "path": file.name} for file in sorted((root / "photos").iterdir())[part::3]
        ]
        Dataset.from_dict({"image": rows}).cast_column("image", Image(decode=False)).to_parquet(
            root / "tables" / f"{part}.parquet"
        )
    torch.manual_seed(2)
    shapes = {"0": (64, 3), "2": (64, 64), "5": (128, 64)}
    convolutions = {f"features.{number}": torch.nn.Conv2d(into, out, 3) for number, (out, into) in shapes.items()}
    save_file({f"{name}.{key}": value.detach() for name, conv in convolutions.items()
               for key, value in conv.named_parameters()}, root / "backbone.safetensors")  # fmt: skip


def words(root: Path, kind: str, out: Path, steps: int, every: int) -> list[str]:
    photos = root / ("photos" if kind in ("folder", "accumulated") else "tables")
    return [
        *("train", "--style", str(root / "style.png"), "--photos", str(photos), "--out", str(out), "--quiet"),
        *("--steps", str(steps), "--size", "32", "--batch_size", "2", "--data.workers", "1", "--data.val_count", "2"),
        *("--network", "lite", "--model.network_options", "{width: 4, blocks: 1}", "--style_size", "48"),
        *("--model.loss.backbone", "vgg19", "--model.loss.weights", str(root / "backbone.safetensors")),
        *("--model.loss.content", "{relu2_1: 1}", "--model.loss.style", "{relu1_1: 1, relu2_1: 1}"),
        *("--init", "random", "--device", "cpu", "--precision", "float32", "--trainer.log_every_n_steps", "5"),
        *("--trainer.val_check_interval", str(every), "--resume"),
        *(("--trainer.accumulate_grad_batches", "2") if kind == "accumulated" else ()),
    ]


def live(kind: str, options: list[str]) -> None:
    """Train in a process of its own, whose output goes nowhere."""
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if "FASTNST_KILL_SHOW" not in os.environ:
        os.dup2(nowhere, 2)
    if kind == "stream":
        streaming(options)()
    sys.exit(run(options))


def streaming(options: list[str]) -> Callable[[], None]:
    """Return what makes a process read its photographs as a stream."""
    files = str(Path(options[options.index("--photos") + 1]) / "*.parquet")

    def turn() -> None:
        data_module.open_photos = lambda source: load_dataset(
            "parquet", data_files=files, split="train", streaming=True
        ).cast_column("image", Image(decode=False))

    return turn


def begin(kind: str, options: list[str]) -> Any:
    process = multiprocessing.get_context("fork").Process(target=live, args=(kind, options))
    process.start()
    return process


def kill(process: Any) -> None:
    """End a run and its workers at once."""
    os.killpg(process.pid, 9)
    process.join()


def saving(folder: Path) -> bool:
    """Tell whether a resume file is being written."""
    try:
        return any(entry.name.endswith(".part") for entry in os.scandir(folder))
    except FileNotFoundError:
        return False


def wait(process: Any, until: Callable[[], bool], seconds: float = 100) -> bool:
    """Wait until something is so; tell whether the process still lives."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and not until() and time.monotonic() < deadline:
        time.sleep(0.0005)
    return bool(process.is_alive())


def torment(root: Path, kind: str, kills: int, steps: int, every: int, seed: int = 0) -> Ledger:
    """Kill and resume a run until it is done, and compare it with one that was left alone.

    Every life gets as far as its first new resume file, so that the run ends.
    """
    ledger, chance = Ledger(kind), random.Random(f"{kind} {seed}")
    left, killed = root / kind / "left", root / kind / "killed"
    begin(kind, words(root, kind, left, steps, every)).join()
    last = killed / RESUME_FILE
    while True:
        before = stamp(last)
        process = begin(kind, words(root, kind, killed, steps, every))
        if ledger.kills == kills or not wait(process, lambda before=before: stamp(last) != before):
            break
        if ledger.kills % 2:
            alive = wait(process, lambda: saving(last.parent))
            ledger.while_saving += alive and saving(last.parent)
        else:
            alive = wait(process, lambda: False, chance.uniform(0, 0.4))
        if not alive:
            break
        kill(process)
        ledger.kills += 1
        ledger.damaged += bool(damage(last))
    process.join()
    ledger.equal = process.exitcode == 0 and not list(differences(left, killed))
    return ledger


def stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def differences(first: Path, second: Path) -> Iterator[str]:
    """Name what two runs do not have in common."""
    yield from _differ(load_file(first / "style.safetensors"), load_file(second / "style.safetensors"), "style")
    pair = [torch.load(folder / RESUME_FILE, weights_only=True) for folder in (first, second)]
    for key in ("state_dict", "optimizer_states", "global_step", "fastnst", "ImageDataModule"):
        yield from _differ(pair[0][key], pair[1][key], key)


def _differ(first: Any, second: Any, path: str) -> Iterator[str]:
    if isinstance(first, Tensor):
        if not (first.dtype == second.dtype and torch.equal(first, second)):
            yield path
    elif isinstance(first, dict):
        if first.keys() != second.keys():
            yield path
        for key in first.keys() & second.keys() - set(LEFT_OUT):
            yield from _differ(first[key], second[key], f"{path}.{key}")
    elif isinstance(first, list | tuple) and len(first) == len(second):
        for number, each in enumerate(zip(first, second, strict=True)):
            yield from _differ(*each, f"{path}.{number}")
    elif first != second:
        yield path


def table(ledgers: Sequence[Ledger]) -> str:
    lines = ["| photographs | kills | of them while saving | resume files damaged | end equal bit for bit |"]
    lines.append("|---|---|---|---|---|")
    for each in ledgers:
        verdict = "yes" if each.equal else "NO"
        lines.append(f"| {each.kind} | {each.kills} | {each.while_saving} | {each.damaged} | {verdict} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--every", type=int, default=3, help="steps between two resume files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("kills"))
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    prepare(options.out)
    steps = options.every * (3 * options.kills + 4)
    ledgers = []
    for kind in options.kinds:
        ledgers.append(torment(options.out, kind, options.kills, steps, options.every, options.seed))
        print(table(ledgers[-1:]).splitlines()[-1], flush=True)
        if not ledgers[-1].equal:
            parts = (options.out / kind / name for name in ("left", "killed"))
            print("  differs in:", ", ".join(list(differences(*parts))[:9]), flush=True)
    print(table(ledgers))
    return 0 if all(each.equal for each in ledgers) else 1


if __name__ == "__main__":
    sys.exit(main())
