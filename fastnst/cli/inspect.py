"""``fastnst inspect``."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.cli import _loss, _words
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from fastnst.inspection import SweepJob

HELP = """usage: fastnst inspect content|style|features|sweep PICTURE... --out FOLDER [options]

  content PHOTO             what each layer remembers of a photograph, painted from noise
  style PICTURE             what each layer remembers of a style, painted from noise
  features PICTURE          the feature maps and the Gram matrix of each layer
  sweep PHOTO STYLE         one pair under every combination of settings: pictures, tables, convergence

fastnst inspect ACTION --help tells more."""

LAYERWISE = ("content", "style", "style_weight", "units", "scales", "content_scale")
"""Settings of the loss that do not matter where each layer is looked at by itself."""

INITS = ("content", "style", "noise", "gray", "best")

SETS = "a word is one set, its layers joined by commas, as relu1_1,relu2_1 or relu1_1:1,relu3_1:4"


def parser(action: str) -> _words.Parser:
    """Build the parser of one action; imports nothing heavy."""
    pictures = "PHOTO STYLE" if action == "sweep" else "PICTURE"
    parser = _words.Parser(f"inspect {action}", f"{pictures} -o FOLDER", ACTIONS[action].__doc__ or "")
    add = parser.add_argument
    add("picture", nargs=len(pictures.split()), metavar="PICTURE", help=pictures.lower().replace(" ", " and "))
    add("-o", "--out", required=True, metavar="FOLDER", help="gets the pictures and tables")
    _words.add_writing(parser)
    if action == "sweep":
        _add_axes(parser)
    else:
        _add_layers(parser, action)
    _words.add_computing(parser, "float32" if action == "features" else _words.FAST)
    _words.add_reporting(parser)
    return parser


def _add_layers(parser: _words.Parser, action: str) -> None:
    add = parser.add_argument
    add("--layer", "--layers", nargs="+", metavar="LAYER", help="by name (default: the backbone's own choice)")
    add("--size", type=_words.at_least(8), default=256, metavar="PIXELS", help="of the longer side at most")
    if action == "features":
        _loss.add_loss(parser, *LAYERWISE, "tv", "style_loss")
        return
    add("--steps", type=_words.at_least(1), default=150, metavar="N", help="evaluations of the loss")
    _loss.add_loss(parser, *LAYERWISE, "tv")
    names = ("--tv", "--loss.tv", "--model.loss.tv")
    add(*names, dest="loss_tv", type=float, default=0.001, metavar="W", help="weight of the total variation")


def _add_axes(parser: _words.Parser) -> None:
    """Add the axes, each a list of values, and the settings that all cells share."""
    group = parser.add_argument_group("axes, each with one value or several")

    def axis(name: str, kind: Callable[[str], Any], default: list[Any] | None, text: str, **options: Any) -> None:
        short = _loss.SHORT.get(name, name)
        names = [f"--{short}"]
        names += [f"--{prefix}.{name}" for prefix in ("loss", "model.loss") if name in _loss.LOSS]
        group.add_argument(*names, dest=f"axis_{name}", type=kind, nargs="+", default=default, help=text, **options)

    axis("style_weight", float, [3.0, 10.0, 30.0, 100.0], "more is more painting", metavar="W")
    axis("optimizer", str, ["lbfgs", "adam"], "lbfgs or adam", choices=("lbfgs", "adam"))
    axis("lr", float, None, "step sizes (default: each optimizer's own)", metavar="RATE")
    axis("init", str, ["content"], f"pictures to begin with: {', '.join(INITS)}", choices=INITS, metavar="NAME")
    axis("size", _words.at_least(8), [256], "of the longer side of both pictures at most", metavar="PIXELS")
    axis("backbone", str, ["compact"], "frozen networks whose features are compared", metavar="NAME")
    axis("style", layer_set, None, f"{SETS} (default: the backbone's own choice)", metavar="SET")
    axis("content", layer_set, None, "likewise (default: the backbone's own choice)", metavar="SET")
    add = parser.add_argument
    add("--steps", type=_words.at_least(1), default=60, metavar="N", help="evaluations of the loss in each cell")
    add("--stages", type=_words.at_least(1), default=1, metavar="N", help="sizes, each twice the one before; the loss "
        "is recorded at the last")  # fmt: skip
    add("--goals", type=float, nargs="+", default=[], metavar="LOSS", help="the table tells after how many evaluations "
        "each was reached (default: 10, 5 and 1 %% above the lowest of the same objective)")  # fmt: skip
    _loss.add_loss(parser, "content", "style", "style_weight", "backbone")


def layer_set(word: str) -> dict[str, float]:
    """Read ``relu1_1,relu3_1:4`` as layers with their weights."""
    if word.startswith("{"):
        return _loss.layer_weights(word)
    return {name: weight for part in word.split(",") for name, weight in _loss.layer_weights(part).items()}


def run(argv: list[str]) -> int:
    """Look inside."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0 if argv else 2
    if argv[0] not in ACTIONS:
        from fastnst.registry import unknown

        raise ConfigError(unknown("action", argv[0], ACTIONS))
    options = parser(argv[0]).read(argv[1:])
    options.action = argv[0]

    from fastnst.atomic import check_writable
    from fastnst.devices import reuse_memory

    check_writable(options.out)
    reuse_memory()
    return ACTIONS[argv[0]](options, Path(options.out))


def _reconstruct(options: argparse.Namespace, out: Path) -> int:
    """Paint, from noise, what layers remember of a picture."""
    from fastnst.backbones import build_backbone
    from fastnst.images import to_pil, write_image
    from fastnst.images.sheet import contact_sheet
    from fastnst.inspection import default_layers, reconstruct
    from fastnst.losses import LossConfig
    from fastnst.optimize import OptimizeConfig

    loss = LossConfig(**_loss.loss_settings(options))
    layers = options.layer or default_layers(loss.backbone)
    paths = {layer: out / f"{options.action}_{layer}.png" for layer in layers}
    sheet = out / f"{options.action}.png"
    _words.check_out(sheet, *paths.values(), options=options)
    picture = _read(options)
    backbone = build_backbone(loss.backbone, layers, loss.weights, loss.pooling, loss.padding)
    config = OptimizeConfig(steps=options.steps, seed=options.seed, precision=options.precision)
    tiles, losses = [("the picture", to_pil(picture))], {}
    for layer in _words.progress_bar(options, layers, desc=options.action, unit="layer"):
        found = reconstruct(picture, options.action, layer, loss, config, backbone)
        losses[layer] = float(found.report.total)
        write_image(found.image, paths[layer])
        tiles.append((f"{options.action} of {layer}: {losses[layer]:.3g}", to_pil(found.image)))
    write_image(contact_sheet(tiles, len(tiles)), sheet)
    line = f"{sheet}: {options.action} of {', '.join(layers)} after {options.steps} steps"
    files = [str(path) for path in (sheet, *paths.values())]
    _words.report(options, line, {"files": files, "steps": options.steps, "losses": losses})
    return 0


def _features(options: argparse.Namespace, out: Path) -> int:
    """Show the strongest feature maps of each layer, and its Gram matrix."""
    from fastnst.backbones import build_backbone
    from fastnst.devices import autocast
    from fastnst.images import write_image
    from fastnst.inspection import default_layers, feature_sheets
    from fastnst.losses import LossConfig

    loss = LossConfig(**_loss.loss_settings(options))
    layers = options.layer or default_layers(loss.backbone)
    paths = {layer: out / f"features_{layer}.png" for layer in layers}
    _words.check_out(*paths.values(), options=options)
    picture = _read(options)
    backbone = build_backbone(loss.backbone, layers, loss.weights, loss.pooling, loss.padding).to(picture.device)
    with autocast(picture.device, options.precision or "float32"):
        for layer, sheet in feature_sheets(picture, backbone, layers):
            write_image(sheet, paths[layer])
    line = f"{out}: features of {', '.join(layers)}"
    _words.report(options, line, {"files": [str(path) for path in paths.values()]})
    return 0


def _sweep(options: argparse.Namespace, out: Path) -> int:
    """Optimize one pair under every combination of settings: a sheet, convergence, tables, TensorBoard's HParams."""
    from fastnst.cli import EXIT_PARTLY
    from fastnst.cli._signals import stop_gently
    from fastnst.errors import printable
    from fastnst.inspection import Failure, run_sweep, write_sweep
    from fastnst.inspection.plan import label, varying
    from fastnst.inspection.report import FILES

    _words.check_out(*(out / name for name in FILES), options=options)
    job = _job(options)
    axes = varying(job.settings())
    with (
        stop_gently("finishing this picture and writing the files of those so far") as stop,
        _words.progress_bar(options, total=len(job.settings()), desc="sweep", unit="picture") as bar,
    ):

        def advance(result: object, *_: int) -> bool:
            bar.update()
            if isinstance(result, Failure):
                bar.write(f"fastnst: {label(result.setting, axes)}: {printable(str(result.error))}", file=sys.stderr)
            return bool(stop.signal)

        found = run_sweep(job, advance)
    if not found.cells:
        raise found.failures[0].error
    paths = write_sweep(out, found, options.goals)
    line = f"{paths[0]}: {len(found.cells)} pictures; tensorboard --logdir {paths[-1]} shows them too"
    failed = [label(failure.setting, axes) for failure in found.failures]
    facts = {"files": [str(path) for path in paths], "failed": failed, "interrupted": found.interrupted}
    _words.report(options, line, facts)
    if found.interrupted:
        print(f"fastnst: interrupted after {len(found.cells)} of {found.planned} pictures", file=sys.stderr)
    return 128 + stop.signal if found.interrupted else EXIT_PARTLY if found.failures else 0


def _job(options: argparse.Namespace) -> "SweepJob":
    from fastnst.inspection import SweepJob
    from fastnst.losses import LossConfig
    from fastnst.optimize import OptimizeConfig

    content, style = options.picture
    return SweepJob(
        content,
        style,
        sizes=tuple(options.axis_size),
        backbones=tuple(options.axis_backbone),
        content_layers=tuple(options.axis_content or [None]),
        style_layers=tuple(options.axis_style or [None]),
        style_weights=tuple(options.axis_style_weight),
        inits=tuple(options.axis_init),
        optimizers=tuple(options.axis_optimizer),
        lrs=tuple(options.axis_lr or [None]),
        loss=LossConfig(**_loss.loss_settings(options)),
        config=OptimizeConfig(
            steps=options.steps, stages=options.stages, seed=options.seed, precision=options.precision
        ),
        device=options.device,
    )


def _read(options: argparse.Namespace) -> "Tensor":
    from fastnst.devices import pick_device
    from fastnst.images import read_image
    from fastnst.inspection import within

    return within(read_image(options.picture[0]), options.size).to(pick_device(options.device))


ACTIONS = {"content": _reconstruct, "style": _reconstruct, "features": _features, "sweep": _sweep}
