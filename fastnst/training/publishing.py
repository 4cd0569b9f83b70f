"""What a published file says of a training, and what a resumed run must have in common with the one before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch

from fastnst import __version__
from fastnst.checkpoint import Metadata, describe
from fastnst.errors import ConfigError
from fastnst.losses import LossConfig

if TYPE_CHECKING:
    from fastnst.training.module import FeedForwardModule

COMPARED = ("backbone", "content", "style", "style_loss", "units", "scales", "content_scale", "pooling", "padding")
"""Settings of the loss that a resumed run cannot change."""


def metadata(module: "FeedForwardModule", facts: Mapping[str, Any]) -> Metadata:
    """Say how the network was made and judged.

    Args:
        module: In the middle or at the end of a run.
        facts: Of the photographs, see :meth:`FeedForwardModule.prepare`.
    """
    trainer, recipe = module.trainer, module.recipe
    together = trainer.world_size * trainer.accumulate_grad_batches
    return Metadata(
        network=describe(module.network),
        styles=[style.facts | _judged(module.judged_styles.get(style.name)) for style in module.styles],
        loss={**module.loss_config.describe(), "content_scales": module.content_scales},
        training={
            "init": module.init,
            "steps": trainer.global_step,
            "batch_size": facts["batch_size"] * together,
            **{key: facts[key] for key in ("size", "seed", "photos")},
            "lr": recipe.lr,
            "grow": recipe.grow,
            "steady": recipe.steady,
            "seconds": round(module.clock.seconds()),
            "precision": str(trainer.precision),
            "torch": torch.__version__,
        },
        judged={"photos": facts["held_out"], "size": facts["size"], "terms": module.judged},
        created=datetime.now(UTC).date().isoformat(),
        fastnst_version=__version__,
    )


def _judged(terms: Mapping[str, float] | None) -> dict[str, Any]:
    return {"judged": dict(terms)} if terms else {}


def judged_terms(metrics: Mapping[str, Any], stage: str) -> dict[str, float]:
    """Return the terms that were logged under a stage such as ``val``."""
    return {key.removeprefix(f"{stage}/"): float(metrics[key]) for key in metrics if key.startswith(f"{stage}/")}


def state_of(module: "FeedForwardModule") -> dict[str, Any]:
    """Return what a resume file says of a training besides numbers."""
    return {
        "network": describe(module.network),
        "init": module.init,
        "styles": [style.facts for style in module.styles],
        "loss": module.loss_config.describe(),
        "content_scales": module.content_scales,
        "clock": module.clock.state(),
        "guard": module.guard.state(),
    }


def check_same(module: "FeedForwardModule", saved: Mapping[str, Any]) -> None:
    """Refuse to continue one network, set of styles or set of layers as another.

    Raises:
        ConfigError: They differ; says in what.
    """
    ours, theirs = (_compared(state) for state in (state_of(module), saved))
    for key, value in ours.items():
        if value != theirs[key]:
            raise ConfigError(f"cannot resume: {key} was {theirs[key]} in the checkpoint and is {value} now")


def _compared(state: Mapping[str, Any]) -> dict[str, Any]:
    styles: Sequence[Mapping[str, Any]] = state["styles"]
    found = {"network": state["network"], "styles": [style["sha256"] for style in styles]}
    found["style sizes"] = [tuple(style["size"]) for style in styles]
    loss = LossConfig.from_metadata(state["loss"])
    return found | {f"loss.{key}": getattr(loss, key) for key in COMPARED}
