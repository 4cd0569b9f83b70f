"""Train a transformation network against perceptual losses."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule
from torch import Tensor

from fastnst import __version__
from fastnst.budget import Budget
from fastnst.checkpoint import Metadata, describe
from fastnst.errors import ConfigError
from fastnst.images import fit, pack_image, read_image
from fastnst.losses import LossConfig, LossReport
from fastnst.networks import build_network
from fastnst.training.clock import Clock
from fastnst.training.recipe import Recipe, Targets, clip_gradients, make_optimizer, set_rate, step, take_targets
from fastnst.training.timing import Timekeeper


class FeedForwardModule(LightningModule):
    """Train a network to paint one style onto any photograph; :mod:`~fastnst.training.recipe` under Lightning.

    Args:
        style: Picture to imitate.
        network: Network to train: ``lite``, or the larger ``johnson``.
        network_options: What the network takes, e.g. ``{width: 16}``.
        loss: Which layers are compared and how much each counts.
        style_size: Pixels of the style picture's shorter side. Larger means finer strokes; ``null`` keeps the file's.
        lr: Learning rate of Adam at its highest; it rises over the first twentieth of the run and falls along a cosine
            to a hundredth.
        grow: Share of the run, at the beginning, that sees a corner of half the side of each crop: four times the
            steps in the same time, when most is learned.

    :meth:`prepare` comes before ``trainer.fit``.

    Batch:
        ``(B, 3, H, W)``, RGB in [0, 1].

    Logs:
        ``train/loss`` and one ``train/<term>`` per loss term, and the same under ``val/``; the terms add up to the
        loss.

    Checkpoints:
        Hold the network, the optimizer and plain data. The frozen backbone is left out and refilled on load.

    Source: Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer. ECCV 2016.
    """

    def __init__(
        self,
        style: str,
        network: str = "lite",
        network_options: dict[str, Any] | None = None,
        loss: LossConfig = LossConfig(),  # noqa: B008 (frozen)
        style_size: int | None = 384,
        lr: float = 2e-3,
        grow: float = 0.5,
    ) -> None:
        super().__init__()
        if style_size is not None and style_size < 1:
            raise ConfigError(f"style_size must be positive, got {style_size}")
        self.recipe = Recipe(lr, grow)
        self.network = build_network(network, **(network_options or {})).to(memory_format=torch.channels_last)
        picture = read_image(style)
        self.style_image = fit(picture, shorter=style_size) if style_size else picture
        self.style_facts = {
            "name": Path(style).stem,
            "sha256": hashlib.sha256(Path(style).read_bytes()).hexdigest(),
            "size": list(self.style_image.shape[-2:]),
            "picture": pack_image(self.style_image),
        }
        self.loss_config, self.loss = loss, loss.build()
        self._check_style_size()
        self.content_scales: Mapping[str, float] | None = None
        self.judged: dict[str, float] = {}
        self.clock, self.share = Clock(Budget()), 0.0
        self._held_out: Tensor | None = None
        self._facts: Mapping[str, Any] = {}
        self._targets: Targets | None = None

    def prepare(self, held_out: Tensor, facts: Mapping[str, Any], budget: Budget) -> None:
        """Hand in what the module does not look for itself.

        Args:
            held_out: Photographs to measure the content scales on and to preview, ``(N, 3, H, W)``, RGB in [0, 1].
            facts: Of the photographs, for the published file: ``batch_size``, ``size``, ``seed``, ``photos``,
                ``held_out`` (their number).
            budget: Of the run.
        """
        self._held_out, self._facts, self.clock.budget = held_out, facts, budget

    @property
    def held_out(self) -> Tensor:
        """Photographs that the network is not trained on, ``(N, 3, H, W)``, RGB in [0, 1]."""
        assert self._held_out is not None, "prepare() comes first"
        return self._held_out

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def configure_callbacks(self) -> list[Callback]:
        """Bring what keeps :attr:`share` up to date."""
        return [Timekeeper(self)]

    def on_fit_start(self) -> None:
        """Take the style's targets once, and measure the scale of photographs' features unless a checkpoint has."""
        photos = self.held_out[:16].to(self.device)
        self._targets = take_targets(self.loss, self.style_image.to(self.device), photos, self.content_scales)
        self.content_scales = self._targets.scales

    @property
    def targets(self) -> Targets:
        """What paintings are compared with."""
        assert self._targets is not None, "on_fit_start() comes first"
        return self._targets

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Set the learning rate from the share of the run alone, so that a resumed run obeys its command line."""
        set_rate(self.trainer.optimizers[0], self.recipe.rate(self.share))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        report = step(self.network, self.recipe.cut(batch, self.share, self.targets.least), self.targets)
        self._log("train", report, len(batch))
        return report.total

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Judge in float32, whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False):
            report = step(self.network, batch, self.targets)
        self._log("val", report, len(batch))

    def on_validation_epoch_end(self) -> None:
        metrics = {} if self.trainer.sanity_checking else self.trainer.callback_metrics
        self.judged = {key[4:]: float(metrics[key]) for key in metrics if key.startswith("val/")}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.network, self.recipe.lr, fused=not self._scaled)

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
        checkpoint["fastnst"] = {
            "network": describe(self.network),
            "style": self.style_facts,
            "loss": self.loss_config.describe(),
            "content_scales": self.content_scales,
            "clock": self.clock.state(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_same(checkpoint["fastnst"])
        self.content_scales = checkpoint["fastnst"]["content_scales"]
        self.clock.restore(checkpoint["fastnst"]["clock"])
        checkpoint["state_dict"] |= {f"loss.{key}": value for key, value in self.loss.state_dict().items()}

    def metadata(self) -> Metadata:
        """Say how the network was made and judged, for the published file."""
        facts = dict(self._facts)
        together = self.trainer.world_size * self.trainer.accumulate_grad_batches
        return Metadata(
            network=describe(self.network),
            styles=[self.style_facts],
            loss={**self.loss_config.describe(), "content_scales": self.content_scales},
            training={
                "steps": self.trainer.global_step,
                "batch_size": facts["batch_size"] * together,
                **{key: facts[key] for key in ("size", "seed", "photos")},
                "lr": self.recipe.lr,
                "grow": self.recipe.grow,
                "seconds": round(self.clock.seconds()),
                "precision": str(self.trainer.precision),
                "torch": torch.__version__,
            },
            judged={"photos": facts["held_out"], "size": facts["size"], "terms": self.judged},
            created=datetime.now(UTC).date().isoformat(),
            fastnst_version=__version__,
        )

    def _log(self, stage: str, report: LossReport, count: int) -> None:
        terms = {f"{stage}/{path}": term.detach() for path, term in report.terms.items()}
        total = {f"{stage}/loss": report.total.detach()}
        self.log_dict(total | terms, batch_size=count, sync_dist=stage == "val")

    def _check_style_size(self) -> None:
        least = self.loss.min_style_size
        if min(self.style_image.shape[-2:]) < least:
            height, width = self.style_image.shape[-2:]
            raise ConfigError(
                f"style picture is {height}x{width}, but the style layers of {self.loss_config.backbone} need at least "
                f"{least}x{least}; raise model.style_size or choose earlier layers"
            )

    def _check_same(self, saved: dict[str, Any]) -> None:
        """Refuse to continue one network, style or set of layers as another."""
        ours = {"network": describe(self.network), "style": self.style_facts["sha256"]}
        theirs = {"network": saved["network"], "style": saved["style"]["sha256"]}
        loss = LossConfig.from_metadata(saved["loss"])
        for key in ("backbone", "content", "style", "style_loss", "units", "scales", "content_scale"):
            ours[f"loss.{key}"], theirs[f"loss.{key}"] = getattr(self.loss_config, key), getattr(loss, key)
        for key, value in ours.items():
            if value != theirs[key]:
                raise ConfigError(f"cannot resume: {key} was {theirs[key]} in the checkpoint and is {value} now")
