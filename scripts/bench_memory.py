"""Peak memory of whole processes, and the speed of the loader alone, for ``bench.py``."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

PEAKS_OF = (
    "stylize/baseline",
    "stylize/johnson",
    "stylize/lite",
    "train/baseline",
    "train/quality",
    "train/fast",
)
"""Stylizing one picture of 1920x1080, and one training step at 256 px with a batch of 4."""

PROGRAM = """
import json, resource, sys, torch
sys.path.insert(0, sys.argv[1])
import bench_recipes as recipes
name, device = sys.argv[2], torch.device(sys.argv[3])
kind, contender = name.split("/")
def peak():
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
if kind == "stylize":
    image = torch.rand(1, 3, 1080, 1920, device=device)
    plain = contender == "baseline"
    work = recipes.plain_painting(image) if plain else recipes.our_painting(contender, image)[0]
else:
    config = {"quality": "papers/pytorch_examples", "fast": "fast"}.get(contender)
    work = recipes.our_step(config, device) if config else recipes.plain_step(device)
work()
work()
print(json.dumps((peak() - before) / 2**20))
"""


def peak_memory(name: str, device: torch.device) -> float:
    """Return the peak of a contender in MiB, over what its process held before: of the GPU where there is one."""
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), name, str(device)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def loader_rate(size: int, count: int = 400) -> float:
    """Return the crops per second of one worker from JPEG files of 480x360, as ``fastnst train`` cuts them."""
    from fastnst.data import ImageDataModule

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(40):
            small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            small.resize((480, 360), Image.Resampling.BICUBIC).save(Path(folder) / f"{i}.jpg", quality=90)
        data = ImageDataModule(folder, size=size, batch_size=4, workers=1)
        data.setup()
        batches = iter(data.train_dataloader())
        for _ in range(8):
            next(batches)
        start = time.perf_counter()
        for _ in range(count // 4):
            next(batches)
        return count / (time.perf_counter() - start)
