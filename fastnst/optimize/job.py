"""Paint one picture as a job says: read, optimize, write; all that the command can do."""

from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from fastnst.backbones import FeatureExtractor
from fastnst.devices import pick_device, reuse_memory
from fastnst.images import fit, read_image, read_mask
from fastnst.losses import PerceptualLoss
from fastnst.optimize.inputs import Colors, check_size, label, read_content
from fastnst.optimize.objective import Style
from fastnst.optimize.outputs import write
from fastnst.optimize.painting import Painting, PaintingJob
from fastnst.optimize.progress import OnProgress, Progress
from fastnst.optimize.run import Optimization
from fastnst.optimize.start import first_picture, given_picture
from fastnst.optimize.state import RunState

MOST_KEPT = 1024
"""Longer side, in pixels, up to which freed memory is kept: of a large picture, pieces of it would add up."""

__all__ = ["Painting", "PaintingJob", "load_backbone", "prepare", "run"]


def load_backbone(job: PaintingJob) -> FeatureExtractor:
    """Load what a job's loss compares with, for :func:`run` of it and of jobs that differ in weights alone."""
    return job.objective.build().backbone.to(pick_device(job.device))


def run(
    job: PaintingJob,
    on_progress: OnProgress | None = None,
    resume: RunState | None = None,
    backbone: FeatureExtractor | None = None,
) -> Painting:
    """Paint one picture; write it, and what belongs to it, if the job says where.

    Args:
        job: What to paint.
        on_progress: Called after every step, and once before the first; returns true to stop, which leaves the best
            picture so far and a state to go on from.
        resume: The state that an interrupted run left: from :attr:`Painting.state`, or :func:`load_state`.
        backbone: From :func:`load_backbone`; loaded by default.

    Raises:
        ValueError: A picture, a name or a combination that cannot be used.
        FloatingPointError: The loss was not finite for the third time; the best picture before is written.
    """
    if job.size is not None and job.size <= MOST_KEPT:
        reuse_memory()
    optimization, colors = prepare(job, backbone)
    if resume is not None:
        optimization.load(resume)
    interrupted = False
    try:
        interrupted = _optimize(optimization, colors, on_progress)
    except FloatingPointError:
        if job.out is not None:
            with suppress(FloatingPointError):
                write(job, _painting(optimization, colors, False))
        raise
    painting = _painting(optimization, colors, interrupted)
    if job.out is not None:
        write(job, painting)
    return painting


def prepare(job: PaintingJob, backbone: FeatureExtractor | None = None) -> tuple[Optimization, Colors]:
    """Read a job's pictures and set up its optimization."""
    device = pick_device(job.device)
    loss = job.objective.build(backbone).to(device).to(memory_format=torch.channels_last)
    originals = [read_image(style) for style in job.styles]
    shape = (originals[0].shape[2], originals[0].shape[3]) if job.canvas == "style" else None
    pictures = [(fit(p, shorter=job.style_size) if job.style_size else p).to(device) for p in originals]
    photo = read_content(job.content, job.size, job.enlarge, shape).to(device)
    check_size(photo, label(job.content), loss.min_size)
    colors = Colors(photo, job.method)
    shares = job.mix or [1.0] * len(pictures)
    height, width = photo.shape[2:]
    masks = [read_mask(mask, height, width).to(photo) for mask in job.masks] if job.masks else [None] * len(pictures)
    styles = [Style(colors.style(p), share, m) for p, share, m in zip(pictures, shares, masks, strict=True) if share]
    first = _first(job, colors, styles, loss)
    return Optimization(colors.content(), styles, loss, job.config, first, job.refines), colors


def _first(job: PaintingJob, colors: Colors, styles: list[Style], loss: PerceptualLoss) -> Tensor | None:
    if job.config.parameterization != "pixels":
        return None
    if job.refines:
        return colors.first(given_picture(job.init, colors.photo, job.config.precision))
    return first_picture(job.init, colors.content(), styles, loss, job.config)


def _optimize(optimization: Optimization, colors: Colors, on_progress: OnProgress | None) -> bool:
    """Run to the end, or until it is stopped; tell whether it was."""

    def shown(state: Progress) -> Progress:
        return replace(state, paint=lambda: colors.result(state.image))

    return any(on_progress is not None and on_progress(shown(state)) and state.share < 1 for state in optimization)


def _painting(optimization: Optimization, colors: Colors, interrupted: bool) -> Painting:
    result = optimization.result()
    state = optimization.state() if interrupted else None
    image, network = colors.result(result.image), optimization.network()
    return Painting(image, result.report, result.step, optimization.seconds, interrupted, state, network)
