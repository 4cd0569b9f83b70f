"""``fastnst inspect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.cli._parser import Parser
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.inspection import Setting
    from fastnst.optimize import Progress

HELP = """usage: fastnst inspect content|style|features|sweep PICTURE... --out FOLDER [options]

  content PHOTO             what each layer remembers of a photograph, painted from noise
  style PICTURE             what each layer remembers of a style, painted from noise
  features PICTURE          the feature maps and the Gram matrix of each layer
  sweep PHOTO STYLE         one pair under every combination of style weights, optimizers and step sizes

fastnst inspect ACTION --help tells more."""


def parser(action: str) -> Parser:
    """Build the parser of one action; imports nothing heavy."""
    parser = Parser(prog=f"fastnst inspect {action}", description=ACTIONS[action].__doc__ or "")
    add = parser.add_argument
    add("picture", nargs=2 if action == "sweep" else 1, help="PHOTO STYLE" if action == "sweep" else "the picture")
    add("--out", required=True, help="folder for pictures and tables")
    add("--size", type=int, default=256, help="pixels of the longer side (256)")
    add("--backbone", default="compact", help="the frozen network (compact)")
    add("--weights", help="file with its weights, in place of the usual places")
    add("--device", help="cuda, mps or cpu; the best there is by default")
    if action != "sweep":
        add("--layer", nargs="+", default=["relu1_1", "relu2_1", "relu3_1", "relu4_1"], help="layers, by name")
    if action != "features":
        add("--steps", type=int, default=60 if action == "sweep" else 150, help="evaluations of the loss")
        add("--style_loss", default="gram", help="gram, moments, wasserstein or sliced")
        add("--tv", type=float, default=5.0 if action == "sweep" else 0.001, help="weight of the total variation")
    if action == "sweep":
        add("--style_weight", type=float, nargs="+", default=[3, 10, 30, 100])
        add("--optimizer", nargs="+", choices=("lbfgs", "adam"), default=["lbfgs", "adam"])
        add("--lr", type=float, nargs="+", help="step sizes; each optimizer's own by default")
    return parser


def run(argv: list[str]) -> int:
    """Look inside."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0 if argv else 2
    if argv[0] not in ACTIONS:
        from fastnst.registry import unknown

        raise ConfigError(unknown("action", argv[0], ACTIONS))
    options = parser(argv[0]).parse_args(argv[1:])
    options.action = argv[0]
    if options.size < 8 or getattr(options, "steps", 1) < 1:
        raise ConfigError(f"--size must be at least 8, and --steps at least 1, got {options.size}")

    from fastnst.atomic import check_writable
    from fastnst.devices import reuse_memory

    check_writable(options.out)
    reuse_memory()
    return ACTIONS[argv[0]](options, Path(options.out))


def _reconstruct(options: Any, out: Path) -> int:
    """Paint, from noise, what layers remember of a picture."""
    from fastnst.images import to_pil, write_image
    from fastnst.images.sheet import contact_sheet
    from fastnst.inspection import reconstruct
    from fastnst.optimize import OptimizeConfig

    picture = _read(options.picture[0], options)
    tiles = [("the picture", to_pil(picture))]
    for layer in options.layer:
        found = reconstruct(picture, options.action, layer, _loss(options), OptimizeConfig(steps=options.steps))
        write_image(found.image, out / f"{options.action}_{layer}.png")
        print(f"{out / f'{options.action}_{layer}.png'}: loss {float(found.report.total):.4g}", flush=True)
        tiles.append((f"{options.action} of {layer}", to_pil(found.image)))
    write_image(contact_sheet(tiles, len(tiles)), out / f"{options.action}.png")
    print(out / f"{options.action}.png")
    return 0


def _features(options: Any, out: Path) -> int:
    """Show the strongest feature maps of each layer, and its Gram matrix."""
    from fastnst.backbones import build_backbone
    from fastnst.images import write_image
    from fastnst.inspection import feature_sheets

    picture = _read(options.picture[0], options)
    backbone = build_backbone(options.backbone, options.layer, options.weights, padding="reflect").to(picture.device)
    for layer, sheet in feature_sheets(picture, backbone, options.layer):
        write_image(sheet, out / f"{layer}.png")
        print(out / f"{layer}.png")
    return 0


def _sweep(options: Any, out: Path) -> int:
    """Optimize one pair under every combination of settings: a labelled sheet, a CSV, TensorBoard's HParams."""
    from tqdm import tqdm

    from fastnst.cli._signals import stop_gently
    from fastnst.images import to_pil, write_image
    from fastnst.images.sheet import contact_sheet
    from fastnst.inspection import sweep, write_hparams, write_table
    from fastnst.optimize import OptimizeConfig

    content, style = (_read(path, options) for path in options.picture)
    rates = options.lr or [None]
    cells = sweep(
        content,
        style,
        _loss(options),
        OptimizeConfig(steps=options.steps),
        options.style_weight,
        options.optimizer,
        rates,
    )
    count = len(options.style_weight) * len(options.optimizer) * len(rates)
    results: list[tuple[Setting, Progress, float]] = []
    with stop_gently("finishing this picture, and writing the sheet of those so far") as stop:
        for cell in tqdm(cells, total=count, desc="sweep", unit="picture"):
            results.append(cell)
            if stop.signal:
                break
    tiles = [(f"{s.label}: {float(r.report.total):.3g}", to_pil(r.image)) for s, r, _ in results]
    write_image(contact_sheet(tiles, len(options.optimizer) * len(rates)), out / "sweep.png")
    write_table(out / "sweep.csv", results)
    write_hparams(out, results)
    print(f"{out / 'sweep.png'}, {out / 'sweep.csv'}; tensorboard --logdir {out}")
    return 128 + stop.signal if len(results) < count else 0


def _read(path: str, options: Any) -> Any:
    from fastnst.devices import pick_device
    from fastnst.images import fit, read_image

    return fit(read_image(path), longer=options.size).to(pick_device(options.device))


def _loss(options: Any) -> Any:
    from fastnst.losses import LossConfig

    return LossConfig(options.backbone, style_loss=options.style_loss, tv=options.tv, weights=options.weights)


ACTIONS = {"content": _reconstruct, "style": _reconstruct, "features": _features, "sweep": _sweep}
