"""Train a transformation network against perceptual losses."""

import hashlib
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from fastnst import __version__
from fastnst.checkpoint import Metadata, describe
from fastnst.errors import ConfigError
from fastnst.images import fit, pack_image, read_image
from fastnst.losses import LossConfig, LossReport, Target
from fastnst.networks import build_network


class FeedForwardModule(LightningModule):
    """Train a network to paint one style onto any photograph.

    A step stylizes a batch, compares it with that batch (content) and with targets taken once from the style picture
    (style), and descends the sum.

    Args:
        style: Picture to imitate.
        network: Network to train: ``lite``, or the larger ``johnson``.
        network_options: What the network takes, e.g. ``{width: 16}``.
        loss: Which layers are compared and how much each counts.
        style_size: Pixels of the style picture's shorter side. Larger means finer strokes; ``null`` keeps the file's.
        lr: Learning rate of Adam at its highest; it rises over the first twentieth of the steps, at most 100 of them,
            and falls along a cosine to a hundredth.
        grow: Share of the steps, at the beginning, that see a corner of half the side of each crop: four times the
            steps in the same time, when most is learned.

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
        if lr <= 0 or (style_size is not None and style_size < 1):
            raise ConfigError(f"lr and style_size must be positive, got {lr} and {style_size}")
        if not 0 <= grow <= 1:
            raise ConfigError(f"grow is a share of the steps, from 0 to 1, got {grow}")
        self.network = build_network(network, **(network_options or {})).to(memory_format=torch.channels_last)
        picture = read_image(style)
        self.style_image = fit(picture, shorter=style_size) if style_size else picture
        self.style_facts = {
            "name": Path(style).stem,
            "sha256": hashlib.sha256(Path(style).read_bytes()).hexdigest(),
            "size": list(self.style_image.shape[-2:]),
            "picture": pack_image(self.style_image),
        }
        self.loss_config, self.lr, self.grow = loss, lr, grow
        self.loss = loss.build()
        self._check_style_size()
        self.content_scales: dict[str, float] | None = None
        self.judged: dict[str, float] = {}
        self._style: Target | None = None
        self._before, self._began = 0.0, time.perf_counter()

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def on_fit_start(self) -> None:
        """Take the style's targets once, and measure the scale of photographs' features unless a checkpoint has."""
        self._began = time.perf_counter()
        with torch.autocast(self.device.type, enabled=False):
            self._style = self.loss.style_target(self.style_image.to(self.device))
            if self.content_scales is None:
                photos = self.trainer.datamodule.held_out[:16].to(self.device)  # type: ignore[attr-defined]
                self.content_scales = self.loss.content_scales(photos)

    def judge(self, photos: Tensor) -> tuple[Tensor, LossReport]:
        """Stylize photographs in [0, 1] and compare the result with them and the style."""
        assert self._style is not None, "on_fit_start() comes first"
        content = self.loss.content_target(photos, self.content_scales)
        stylized = self.network(photos)
        return stylized, self.loss(stylized, content, self._style)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        _, report = self.judge(self._coarse(batch))
        self._log("train", report, len(batch))
        return report.total

    def _coarse(self, batch: Tensor) -> Tensor:
        """Leave a corner of each photograph in the first part of the run."""
        growing = self.trainer.global_step < self.grow * self.trainer.max_steps
        least = self.loss.backbone.min_size({*self.loss.content, *self.loss.style})
        return corner(batch) if growing and min(batch.shape[-2:]) >= 2 * least else batch

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Judge in float32, whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False):
            _, report = self.judge(batch)
        self._log("val", report, len(batch))

    def on_validation_epoch_end(self) -> None:
        metrics = self.trainer.callback_metrics
        self.judged = {key[4:]: float(metrics[key]) for key in metrics if key.startswith("val/")}

    def on_train_batch_start(self, batch: Tensor, batch_idx: int) -> None:
        """Set the learning rate from the step alone, so that a resumed run obeys its command line."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.lr * schedule(self.trainer.global_step, self.trainer.max_steps)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=self.lr, fused=not self._scaled)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clip by norm, which Lightning declines to do for a fused optimizer, scaler or not."""
        if self._scaled or gradient_clip_algorithm not in (None, "norm"):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)

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
            "seconds": self._seconds(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_same(checkpoint["fastnst"])
        self.content_scales = checkpoint["fastnst"]["content_scales"]
        self._before = checkpoint["fastnst"].get("seconds", 0.0)
        checkpoint["state_dict"] |= {f"loss.{key}": value for key, value in self.loss.state_dict().items()}

    def metadata(self) -> Metadata:
        """Say how the network was made and judged, for the published file."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        return Metadata(
            network=describe(self.network),
            styles=[self.style_facts],
            loss={**self.loss_config.describe(), "content_scales": self.content_scales},
            training={
                "steps": self.trainer.global_step,
                "batch_size": data.batch_size * self.trainer.world_size * self.trainer.accumulate_grad_batches,
                "size": data.size,
                "seed": data.seed,
                "photos": Path(data.photos).name,
                "lr": self.lr,
                "grow": self.grow,
                "seconds": round(self._seconds()),
                "precision": str(self.trainer.precision),
                "torch": torch.__version__,
            },
            judged={"photos": len(data.held_out), "size": data.size, "terms": self.judged},
            created=datetime.now(UTC).date().isoformat(),
            fastnst_version=__version__,
        )

    def _seconds(self) -> float:
        """Return the time spent on this training, with what came before a resume."""
        return self._before + time.perf_counter() - self._began

    def _log(self, stage: str, report: LossReport, count: int) -> None:
        terms = {f"{stage}/{path}": term.detach() for path, term in report.terms.items()}
        total = {f"{stage}/loss": report.total.detach()}
        self.log_dict(total | terms, batch_size=count, sync_dist=stage == "val")

    def _check_style_size(self) -> None:
        least = self.loss.backbone.min_size(self.loss.style)
        if min(self.style_image.shape[-2:]) < least:
            height, width = self.style_image.shape[-2:]
            raise ConfigError(
                f"style picture is {height}x{width}, but the style layers of {self.loss_config.backbone} need at least "
                f"{least}x{least}; raise model.style_size or choose earlier layers"
            )

    def _check_same(self, saved: dict[str, Any]) -> None:
        """Refuse to continue one network, style or set of layers as another."""
        loss = self.loss_config.describe()
        ours = {"network": describe(self.network), "style": self.style_facts["sha256"]}
        theirs = {"network": saved["network"], "style": saved["style"]["sha256"]}
        for key in ("backbone", "content", "style", "style_loss", "units"):
            ours[f"loss.{key}"], theirs[f"loss.{key}"] = loss[key], saved["loss"][key]
        for key, value in ours.items():
            if value != theirs[key]:
                raise ConfigError(f"cannot resume: {key} was {theirs[key]} in the checkpoint and is {value} now")


def corner(images: Tensor) -> Tensor:
    """Cut ``(B, 3, H, W)`` down to half of each side."""
    height, width = images.shape[-2:]
    return images[..., : height // 2, : width // 2].contiguous(memory_format=torch.channels_last)


def schedule(step: int, max_steps: int) -> float:
    """Return the factor on the learning rate: a linear rise, then a cosine from 1 to 0.01."""
    rise = min(100, max(1, max_steps // 20))
    if step < rise:
        return (step + 1) / rise
    progress = min(1.0, (step - rise) / max(1, max_steps - rise))
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
