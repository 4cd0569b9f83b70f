"""Train a transformation network against perceptual losses."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule
from torch import Tensor

from fastnst.budget import Budget
from fastnst.checkpoint import Metadata
from fastnst.losses import LossConfig, LossReport
from fastnst.training.clock import Clock
from fastnst.training.draws import Draw, draw
from fastnst.training.guard import Guard
from fastnst.training.pictures import check_size, read_styles
from fastnst.training.publishing import check_same, judged_terms, metadata, state_of
from fastnst.training.randomness import random_states, restore_random_states
from fastnst.training.recipe import Recipe, clip_gradients, count_styles, make_optimizer, set_rate
from fastnst.training.start import initial_network
from fastnst.training.steps import SCALE_PHOTOS, Targets, judge, mean_report, step, take_targets
from fastnst.training.timing import Timekeeper, made_step


class FeedForwardModule(LightningModule):
    """Train a network to paint one style, or several, onto any photograph.

    :mod:`~fastnst.training.recipe` under Lightning.

    Args:
        style: Picture to imitate; a list of several for one network with a table of style codes.
        network: Network to train: ``lite``, the larger ``medium``, or the still larger ``johnson``.
        network_options: What the network takes, e.g. ``{width: 16}``.
        init: What to begin from: ``shared``, the bundled start where there is one for the network and its options;
            ``random`` weights; or a trained style, by name or path.
        loss: Which layers are compared and how much each counts.
        style_size: Pixels of the style pictures' shorter side. Larger means finer strokes; ``null`` keeps the files'.
        lr: Learning rate of Adam at its highest; it rises at first and falls along a cosine to a hundredth. 2e-3 from
            random weights and 3e-3 from a start by default.
        grow: Share of the run, at the beginning, that sees a corner of half the side of each crop: four times the
            steps in the same time, when most is learned.
        steady: Weight of the term by which a painting must not change as frames of a video do: with small shifts and
            zooms, brightness and noise.

    :meth:`prepare` comes before ``trainer.fit``.

    Batch:
        ``(B, 3, H, W)``, RGB in [0, 1].

    Logs:
        ``train/loss`` and one ``train/<term>`` per loss term, of a whole step: the mean over its batches and over all
        processes; the terms add up to the loss. The same under ``val/``,
        where it is the mean over the styles; of several styles each one's own under ``styles/<name>/``.

    Checkpoints:
        Hold the network, the optimizer and plain data. The frozen backbone is left out and refilled on load.

    Sources: Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer. ECCV 2016. Dumoulin, Shlens,
    Kudlur. A Learned Representation for Artistic Style. ICLR 2017.
    """

    def __init__(
        self,
        style: str | list[str],
        network: str = "lite",
        network_options: dict[str, Any] | None = None,
        init: str = "shared",
        loss: LossConfig = LossConfig(),  # noqa: B008 (frozen)
        style_size: int | None = 384,
        lr: float | None = None,
        grow: float = 0.5,
        steady: float = 0.0,
    ) -> None:
        super().__init__()
        several = not isinstance(style, str)
        self.styles = read_styles([style] if isinstance(style, str) else style, style_size)
        digests = [picture.facts["sha256"] for picture in self.styles]
        start = initial_network(network, network_options or {}, init, self.images, several, digests)
        self.recipe, self._chosen_lr = Recipe.beginning(start.init != "random", lr, grow, steady), lr
        self.network = start.network.to(memory_format=torch.channels_last)
        self.init, self.note = start.init, start.note
        self.loss_config, self.loss = loss, loss.build()
        for picture in self.styles:
            check_size(picture, self.loss, loss.backbone)
        self.content_scales: Mapping[str, float] | None = None
        self.judged: dict[str, float] = {}
        self.judged_styles: dict[str, dict[str, float]] = {}
        self.clock, self.share, self.guard = Clock(Budget()), 0.0, Guard(self)
        self._held_out: Tensor | None = None
        self._facts: Mapping[str, Any] = {}
        self._targets: Targets | None = None
        self._random_states: dict[str, Any] | None = None
        self._reports: list[LossReport] = []  # of the batches of a step

    @property
    def images(self) -> list[Tensor]:
        """The style pictures, each ``(1, 3, H, W)``, RGB in [0, 1]."""
        return [picture.image for picture in self.styles]

    def prepare(self, held_out: Tensor, facts: Mapping[str, Any], budget: Budget) -> None:
        """Hand in what the module does not look for itself.

        Args:
            held_out: Photographs to measure the content scales on and to preview, ``(N, 3, H, W)``, RGB in [0, 1].
            facts: Of the photographs, for the published file: ``batch_size``, ``size``, ``seed``, ``photos``,
                ``held_out`` (their number).
            budget: Of the run.
        """
        self._held_out, self._facts, self.clock.budget = held_out, facts, budget

    def refresh_facts(self, facts: Mapping[str, Any]) -> None:
        """Take other facts of the photographs: their batch was lowered to what fits."""
        self._facts = facts

    @property
    def held_out(self) -> Tensor:
        """Photographs that the network is not trained on, ``(N, 3, H, W)``, RGB in [0, 1]."""
        assert self._held_out is not None, "prepare() comes first"
        return self._held_out

    def forward(self, images: Tensor, code: Tensor | None = None) -> Tensor:
        return self.network(images, code)

    def configure_callbacks(self) -> list[Callback]:
        """Bring what keeps :attr:`share` up to date, and the weights finite."""
        return [Timekeeper(self), self.guard]

    def on_fit_start(self) -> None:
        """Take the styles' targets once, and measure the scale of photographs' features unless a checkpoint has."""
        photos = self.held_out[:SCALE_PHOTOS].to(self.device)
        images = [image.to(self.device) for image in self.images]
        several = self.network.styles is not None
        self._targets = take_targets(self.loss, images if several else images[0], photos, self.content_scales)
        self.content_scales = self._targets.scales

    def on_train_start(self) -> None:
        """Put the random generators where the run before left them; what came first here has drawn from them."""
        if self._random_states is not None:
            restore_random_states(self._random_states)
            self._random_states = None

    @property
    def targets(self) -> Targets:
        """What paintings are compared with."""
        assert self._targets is not None, "on_fit_start() comes first"
        return self._targets

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Set the learning rate from the share of the run alone, so that a resumed run obeys its command line."""
        set_rate(self.trainer.optimizers[0], self.guard.factor * self.recipe.rate(self.share))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        drawn = self._draw(batch_idx, len(batch))
        batch = self.recipe.cut(batch, self.share, self.targets.least)
        report = step(self.network, batch, self.targets, drawn, self.recipe.steady)
        self._reports.append(LossReport({path: term.detach() for path, term in report.terms.items()}))
        if made_step(self.trainer, batch_idx):
            self._log("train", self._of_the_step(), len(batch))
        return report.total

    def trial_step(self, batch: Tensor) -> Tensor:
        """Return the loss of a step at full crop size that is not to be made."""
        drawn = draw((0, 0, 0), len(batch), count_styles(self.network))
        return step(self.network, batch, self.targets, drawn, self.recipe.steady).total

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Judge in float32, whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False):
            reports = judge(self.network, batch, self.targets)
        # Lightning's mean over the processes divides the counts as whole numbers: 5 photographs of 2 would count as 4.
        count = len(batch) * self.trainer.world_size
        self._log("val", mean_report(reports), count)
        if self.network.styles is not None:
            for picture, report in zip(self.styles, reports, strict=True):
                self._log(f"styles/{picture.name}", report, count)

    def on_validation_epoch_end(self) -> None:
        metrics = {} if self.trainer.sanity_checking else self.trainer.callback_metrics
        self.judged = judged_terms(metrics, "val")
        self.judged_styles = {style.name: judged_terms(metrics, f"styles/{style.name}") for style in self.styles}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        norm = self.trainer.gradient_clip_algorithm in (None, "norm")
        return make_optimizer(self.network, self.recipe.lr, fused=norm and not self._scaled)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip by norm, which Lightning declines to do for a fused optimizer, scaler or not."""
        if self._scaled or gradient_clip_algorithm not in (None, "norm"):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            clip_gradients(self.network, gradient_clip_val)

    @property
    def _scaled(self) -> bool:
        """Whether gradients are scaled up, as half precision needs it; a fused optimizer cannot clip such."""
        return str(self.trainer.precision) == "16-mixed"

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {key: value for key, value in state.items() if not key.startswith("loss.")}
        checkpoint["fastnst"] = state_of(self) | {"random": random_states()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_same(self, checkpoint["fastnst"])
        self.init, self.note = checkpoint["fastnst"]["init"], ""
        self.content_scales = checkpoint["fastnst"]["content_scales"]
        self.clock.restore(checkpoint["fastnst"]["clock"])
        if self._chosen_lr is None:  # the default is that of what the run began from, and of its time
            self.recipe = replace(self.recipe, lr=checkpoint["fastnst"]["guard"]["lr"])
        self.guard.restore(checkpoint["fastnst"]["guard"])
        self._random_states = checkpoint["fastnst"]["random"]
        checkpoint["state_dict"] |= {f"loss.{key}": value for key, value in self.loss.state_dict().items()}

    def metadata(self) -> Metadata:
        """Say how the network was made and judged, for the published file."""
        return metadata(self, self._facts)

    def _draw(self, batch_idx: int, count: int) -> Draw:
        """Draw for a step as a whole, whatever batches and processes share it; return the part of this batch."""
        batches, processes = self.trainer.accumulate_grad_batches, self.trainer.world_size
        key = self._facts.get("seed", 0), self.trainer.global_step, 0
        number = batch_idx % batches * processes + self.trainer.global_rank
        drawn = draw(key, count * batches * processes, count_styles(self.network))
        return drawn.part(number * count, count)

    def _of_the_step(self) -> LossReport:
        """Average the terms over the batches of a step, and over all processes: it is the step that is logged."""
        report = self._reports[0] if len(self._reports) == 1 else mean_report(self._reports)
        self._reports = []
        if self.trainer.world_size == 1:
            return report
        terms = torch.stack(list(report.terms.values()))
        return LossReport(dict(zip(report.terms, self.trainer.strategy.reduce(terms, reduce_op="mean"), strict=True)))

    def _log(self, stage: str, report: LossReport, count: int) -> None:
        terms = {f"{stage}/{path}": term.detach() for path, term in report.terms.items()}
        total = {f"{stage}/loss": report.total.detach()}
        self.log_dict(total | terms, batch_size=count, sync_dist=stage != "train")
