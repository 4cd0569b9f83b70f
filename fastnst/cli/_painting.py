"""One optimized picture after the other, by the same settings: read, descend, write, say how to go on."""

import json
import sys
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jsonargparse import Namespace
from torch import Tensor
from tqdm import tqdm

from fastnst import __version__
from fastnst.cli._signals import stop_gently
from fastnst.devices import pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS, cover, feather, fit, read_image, resize, write_image
from fastnst.images.color import gray, luma, match_covariance, match_histogram, with_luma
from fastnst.losses import LossConfig
from fastnst.optimize import Optimization, OptimizeConfig, Progress, Style, first_picture, load_state, save_state

if TYPE_CHECKING:
    from fastnst.cli.optimize import Job


STARTS = ("content", "noise", "style", "best")
"""What may be begun with by name; anything else is a picture or a trained network, whose result is refined."""

MOST_KEPT = 1024
"""Longer side, in pixels, up to which freed memory is kept: of a large picture, pieces of it would add up."""


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: its last state, and the signal that ended it early, or 0."""

    progress: Progress
    signal: int = 0


class Studio:
    """What is common to all pictures of a call: the settings and the loss, loaded once."""

    def __init__(self, options: Namespace) -> None:
        if options.size <= MOST_KEPT:
            reuse_memory()
        self.options = options
        self.device = pick_device(options.device)
        self.config = OptimizeConfig(**{key: options[key] for key in OptimizeConfig.__dataclass_fields__})
        self.loss_config = LossConfig(**vars(options.loss))
        self.loss = self.loss_config.build().to(self.device).to(memory_format=torch.channels_last)

    def paint(self, job: "Job") -> Outcome:
        """Paint one picture and write it; an interruption writes what is best so far, and a file to go on from."""
        content = fit(self._read(job.content), longer=self.options.size).to(self.device)
        styles = self._styles(job, content)
        photo = content
        if self.options.color == "content":
            content, styles = self._colorless(content, styles)
        loss = self.loss if job.style_weight is None else self._weighted(job.style_weight)
        first = self._first(content, photo, styles, loss)
        run = Optimization(content, styles, loss, self.config, first, refine=self.options.init not in STARTS)
        settings = self._settings(job)
        resume = _state_file(job.out)
        if self.options.resume:
            load_state(run, resume if self.options.resume == "auto" else Path(self.options.resume), settings)
        outcome = self._descend(run, job, photo)
        image = self._colored(outcome.progress.image, photo)
        write_image(image, job.out, _note(job, settings, outcome.progress, run.seconds))
        _say(job, outcome, run)
        if outcome.signal:
            save_state(run, resume, settings)
            print(f"interrupted; the same command with --resume goes on (from {resume})", file=sys.stderr)
        else:
            resume.unlink(missing_ok=True)
        return outcome

    # Inputs

    def _read(self, path: str) -> Tensor:
        image = read_image(path)
        height, width = image.shape[2:]
        least = self.loss.backbone.min_size({*self.loss.content, *self.loss.style})
        if min(height, width) < least:
            raise ConfigError(f"{path}: {height}x{width} is too small, the loss looks at {least}x{least} at least")
        return image

    def _styles(self, job: "Job", content: Tensor) -> list[Style]:
        size = self.options.style_size
        shares = self.options.style_mix or [1.0] * len(job.styles)
        masks = self.options.mask or [None] * len(job.styles)
        styles = []
        for path, share, mask in zip(job.styles, shares, masks, strict=True):
            picture = read_image(path)
            picture = (fit(picture, shorter=size) if size else picture).to(self.device)
            styles.append(Style(picture, share, None if mask is None else _read_mask(mask, content)))
        return [style for style in styles if style.weight]

    def _weighted(self, weight: float) -> Any:
        config = replace(self.loss_config, style_weight=weight)
        return config.build(self.loss.backbone)

    def _first(self, content: Tensor, photo: Tensor, styles: list[Style], loss: Any) -> Tensor | None:
        init = self.options.init
        if self.config.parameterization != "pixels":
            if init != "content":
                raise ConfigError(f"--init {init}: a network begins with random weights; leave --init out")
            return None
        if init in STARTS:
            return first_picture(init, content, styles, loss, self.config)
        if Path(init).suffix.lower() in EXTENSIONS:
            picture = cover(read_image(init), *content.shape[2:]).to(self.device)
        else:
            from fastnst.inference import load

            picture = load(init, str(self.device))(photo)
        return gray(picture) if content is not photo and self.options.color_by == "luminance" else picture

    # Colors

    def _colorless(self, content: Tensor, styles: list[Style]) -> tuple[Tensor, list[Style]]:
        """Take from the styles the colors that the photograph shall keep."""
        method = self.options.color_by
        if method == "luminance":
            return gray(content), [replace(style, picture=gray(style.picture)) for style in styles]
        match = match_covariance if method == "covariance" else match_histogram
        return content, [replace(style, picture=match(style.picture, content)) for style in styles]

    def _colored(self, image: Tensor, photo: Tensor) -> Tensor:
        if self.options.color == "content" and self.options.color_by == "luminance":
            return with_luma(resize(photo, *image.shape[2:]), luma(image))
        return image

    # The descent

    def _descend(self, run: Optimization, job: "Job", photo: Tensor) -> Outcome:
        log = _Log(self.options.log, job.out.stem)
        total = sum(stage.steps for stage in run.stages) if self.config.steps or not self.config.time_budget else None
        try:
            with (
                stop_gently("finishing this step and writing the best so far") as stop,
                tqdm(total=total, initial=run.step, desc="optimize", unit="step", mininterval=0.5) as bar,
            ):
                for state in run:
                    log.write(state, lambda image: self._colored(image, photo))
                    self._preview(state, job, photo)
                    height, width = state.size
                    bar.set_postfix_str(f"{width}x{height}, loss {float(state.report.total):.4g}", refresh=False)
                    bar.update(state.step - bar.n)
                    if stop.signal:
                        break
        except FloatingPointError:
            result = run.result()
            write_image(self._colored(result.image, photo), job.out)
            raise
        finally:
            log.close()
        return Outcome(run.result(), stop.signal)

    def _preview(self, state: Progress, job: "Job", photo: Tensor) -> None:
        if self.options.preview and state.step % self.options.preview == 0:
            folder = job.out.with_name(f"{job.out.stem}_steps")
            write_image(self._colored(state.image, photo), folder / f"{state.step:05}.jpg")

    def _settings(self, job: "Job") -> dict[str, Any]:
        """Return what the picture depends on, as plain data."""
        files = {path: _digest(path) for path in (job.content, *job.styles, *(self.options.mask or ()))}
        own = ("size", "style_size", "style_mix", "color", "color_by", "init")
        settings = {key: self.options[key] for key in own} | vars(self.config)
        loss = self.loss_config.describe()
        if job.style_weight is not None:
            loss["style_weight"] = job.style_weight
        return settings | {"loss": loss, "files": files}


def _read_mask(path: str, content: Tensor) -> Tensor:
    """Read a mask as ``(1, 1, H, W)`` of the content's size, its edges softened.

    Raises:
        ConfigError: It is all black.
    """
    mask = luma(read_image(path)).to(content)
    if not float(mask.max()):
        raise ConfigError(f"{path}: a mask that is all black paints nothing; white paints, black keeps")
    if mask.shape[2:] != content.shape[2:]:
        ratio, wanted = mask.shape[3] / mask.shape[2], content.shape[3] / content.shape[2]
        if abs(ratio / wanted - 1) > 0.02:
            print(
                f"{path}: {mask.shape[3]}x{mask.shape[2]} is stretched to {content.shape[3]}x{content.shape[2]}",
                file=sys.stderr,
            )
        mask = resize(mask, *content.shape[2:])
    return feather(mask)


def _state_file(out: Path) -> Path:
    return out.with_name(out.name + ".resume")


def _digest(path: str) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:16]


def _note(job: "Job", settings: dict[str, Any], result: Progress, seconds: float) -> dict[str, Any]:
    terms = {path: float(term) for path, term in result.report.terms.items()}
    made = {"loss": float(result.report.total), "terms": terms, "steps": result.step, "seconds": round(seconds, 2)}
    return {
        "fastnst": __version__,
        "command": job.command,
        "settings": json.loads(json.dumps(settings)),
        "result": made,
    }


def _say(job: "Job", outcome: Outcome, run: Optimization) -> None:
    report = outcome.progress.report
    terms = ", ".join(f"{path} {float(term):.4g}" for path, term in report.terms.items())
    print(f"{job.out}: loss {float(report.total):.4g} ({terms}) after {run.step} steps, {run.seconds:.0f} s")


class _Log:
    """A TensorBoard log, or none."""

    def __init__(self, folder: str | None, name: str) -> None:
        self._writer = None
        if folder:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(Path(folder) / name))

    def write(self, state: Progress, color: Any) -> None:
        if self._writer is None:
            return
        self._writer.add_scalar("loss", state.report.total, state.step)
        for path, term in state.report.terms.items():
            self._writer.add_scalar(path, term, state.step)
        if state.step % 50 == 0:
            self._writer.add_image("stylized", color(state.image)[0].clamp(0, 1), state.step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
