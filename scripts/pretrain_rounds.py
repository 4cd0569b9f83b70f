"""Second phase of a shared start: move it to where few steps lead to any style (Reptile).

    python scripts/pretrain_rounds.py --begin fastnst/networks/weights/lite.safetensors --minutes 60 \
        --paintings paintings_train.parquet --photos photos.parquet --held-out paintings_val.parquet styles/

A round takes one style, begins with the shared weights and the predicted code, trains all weights for a few steps as
``fastnst train`` would, and moves the shared weights a part of the way to what came out, and the predictor's bias
likewise. Now and then the start is judged by what it is for: the objective on held-out styles after as many steps. It
is written to --out only where that is less than the start it began with had.

Source: Nichol, Achiam, Schulman. On First-Order Meta-Learning Algorithms. arXiv:1803.02999.
"""

import time
from copy import deepcopy
from dataclasses import replace

import torch
from pretrain import Pretraining, options_of
from pretrain_styles import StyleFacts
from torch import Tensor

from fastnst.checkpoint import load_checkpoint, save_checkpoint
from fastnst.devices import autocast
from fastnst.networks import TransformationNetwork
from fastnst.training.recipe import CLIP, clip_gradients

STEPS, RATE, CROP = 16, 1e-3, 128
"""Of a round: steps, learning rate, side of the crops in pixels."""

FURTHEST = 0.5
"""Part of the way that the first round goes; the last goes none of it."""

JUDGE_EVERY = 300
"""Seconds between two judgements."""


class Rounds:
    """A start that is moved, and what it needs."""

    def __init__(self, pretraining: Pretraining) -> None:
        self.base, self.options = pretraining, pretraining.options
        self.start, self.metadata = load_checkpoint(self.options.begin)
        self.start = self.start.to(self.base.device, memory_format=torch.channels_last).train()
        self.base.fill()

    def predict(self, style: StyleFacts) -> Tensor:
        assert self.start.styles is not None
        assert self.start.styles.predictor is not None
        with torch.no_grad():
            code: Tensor = self.start.styles.predictor(style.statistics)[0]
        return code

    def adapt(self, style: StyleFacts) -> TransformationNetwork:
        """Train all weights for one style, from the start."""
        pupil = self.start.plain(self.predict(style)).requires_grad_(True)
        optimizer = torch.optim.Adam(pupil.parameters(), RATE, betas=(0.0, 0.999))
        for _ in range(STEPS):
            batch = next(self.base.photos)[..., :CROP, :CROP].to(self.base.device)
            batch = batch.contiguous(memory_format=torch.channels_last)
            with autocast(self.base.device, self.base.precision):
                content = self.base.loss.content_target(batch, self.base.scales)
                report = self.base.loss(pupil(batch), content, style.target)
            optimizer.zero_grad()
            report.total.backward()
            clip_gradients(pupil, CLIP)
            optimizer.step()
        return pupil

    @torch.no_grad()
    def move(self, pupil: TransformationNetwork, style: StyleFacts, part: float) -> None:
        """Move the start a part of the way to a network that was adapted to one style."""
        assert self.start.styles is not None
        assert self.start.styles.predictor is not None
        bias = self.start.styles.predictor.output.bias
        bias += part * (pupil.style_code() - self.predict(style))
        codes = {id(weights) for _, norm in self.start.named_norms() for weights in norm.parameters()}
        found = dict(pupil.named_parameters())
        for name, weights in self.start.named_parameters():
            if name in found and id(weights) not in codes:
                weights += part * (found[name] - weights)

    def judge(self) -> float:
        """Return the median objective on held-out styles, each after the steps of a round, in float32."""
        totals = []
        for style in self.base.judged_by:
            pupil = self.adapt(style)
            with torch.no_grad():
                content = self.base.loss.content_target(self.base.held_out, self.base.scales)
                totals.append(self.base.loss(pupil(self.base.held_out), content, style.target).total)
        return float(torch.stack(totals).median())

    def run(self) -> None:
        """Make rounds until the time is over; write the best start where it is better than the first."""
        best, limit, spent, rounds = self.judge(), 60 * self.options.minutes, 0.0, 0
        print(f"the start: {best:.3f} on held-out styles after {STEPS} steps", flush=True)
        while spent < limit:
            mark = time.monotonic()
            while time.monotonic() - mark < JUDGE_EVERY and spent + time.monotonic() - mark < limit:
                style = self.base.styles_of(next(self.base.bank.pictures)[None].to(self.base.device))
                share = (spent + time.monotonic() - mark) / limit
                self.move(self.adapt(style), style, FURTHEST * (1 - share))
                rounds += 1
            spent += time.monotonic() - mark
            found = self.judge()
            print(f"{spent / 60:6.1f} min  {rounds} rounds  {found:.3f}", flush=True)
            if found < best:
                best = found
                self.write(rounds, found)

    def write(self, rounds: int, found: float) -> None:
        training = {**self.metadata.training, "rounds": rounds, "after_a_round": round(found, 4)}
        start = deepcopy(self.start)
        save_checkpoint(self.options.out, start, replace(self.metadata, training=training), torch.float16)


if __name__ == "__main__":
    Rounds(Pretraining(options_of(__doc__))).run()
