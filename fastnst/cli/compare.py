"""``fastnst compare``."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.assets import find_style
from fastnst.cli._parser import Parser
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from PIL import Image

    from fastnst.checkpoint import Metadata
    from fastnst.compare import Case


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        prog="fastnst compare",
        description="Judge trained networks against the optimizer: same loss, same photographs, one page.",
    )
    add = parser.add_argument
    add("--model", required=True, action="append", help="a trained style, by name or file; may be given several times")
    add("--photos", required=True, help="a folder of photographs, or a parquet file")
    add("--out", required=True, help="folder for report.html, report.png and report.json")
    add("--count", type=int, default=5, help="photographs (5)")
    add(
        "--sizes",
        type=int,
        nargs="+",
        default=[256, 512, 1024],
        help="sides of the centered squares, pixels (256 512 1024)",
    )
    add("--steps", type=int, default=100, help="evaluations that each optimizer gets (100)")
    add("--style", help="the picture imitated, where the checkpoint does not hold it")
    add("--weights", help="file with the weights of the loss's backbone, in place of the usual places")
    add("--device", help="cuda, mps or cpu; the best there is by default")
    add("--overwrite", action="store_true", help="replace a report that exists")
    return parser


def run(argv: list[str]) -> int:
    """Race, judge, write the page, and say its headline."""
    options = parser().parse_args(argv)
    _check(options)

    import torch
    from tqdm import tqdm

    from fastnst.checkpoint import read_metadata
    from fastnst.cli._signals import stop_gently
    from fastnst.compare import race, summarize, write_report
    from fastnst.compare.judge import read_loss, unseen_loss
    from fastnst.compare.summary import headline
    from fastnst.data.photos import center_crop
    from fastnst.devices import pick_device, reuse_memory
    from fastnst.images import to_tensor
    from fastnst.inference import load

    reuse_memory()
    device = pick_device(options.device)
    files = [find_style(model) for model in options.model]
    metadata = [read_metadata(file) for file in files]
    config = read_loss(metadata[0].loss, options.weights)
    names = _names(files)
    for name, other in zip(names[1:], metadata[1:], strict=True):
        if read_loss(other.loss, options.weights) != config or _digest(other) != _digest(metadata[0]):
            print(f"{name}: trained for another loss or style; judged by those of {names[0]}", file=sys.stderr)
    style = _style(metadata[0], options.style, files[0]).to(device)
    loss, unseen = config.build().to(device), unseen_loss(config).to(device)
    loss.to(memory_format=torch.channels_last)
    networks = {name: load(file, str(device)) for name, file in zip(names, files, strict=True)}
    photos = _photos(options.photos, options.count)
    races = [(size, number) for size in sorted(options.sizes) for number in range(len(photos))]
    cases: list[Case] = []
    with (
        stop_gently("finishing this photograph, and writing the page of those so far") as stop,
        tqdm(total=len(races), desc="compare", unit="picture") as bar,
    ):
        for size, number in races:
            name, picture = photos[number]
            photo = to_tensor(center_crop(picture, size)).to(device)
            cases.append(race(name, photo, style, loss, unseen, networks, options.steps, keep=number == 0))
            bar.update()
            if stop.signal:
                break
    training = {name: data.training.get("seconds") for name, data in zip(names, metadata, strict=True)}
    worths = summarize(cases, training, options.steps)
    facts = {
        "loss": config.describe(),
        "style": {key: value for key, value in metadata[0].styles[0].items() if key != "picture"},
        "models": {name: str(model) for name, model in zip(names, options.model, strict=True)},
        "photographs": [name for name, _ in photos],
        "steps": options.steps,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "command": shlex.join(["fastnst", "compare", *argv]),
    }
    write_report(Path(options.out), cases, worths, options.steps, facts)
    for worth in worths:
        print(headline(worth, options.steps))
    print(f"{Path(options.out) / 'report.html'}")
    if stop.signal and len(cases) < len(races):
        print(f"interrupted after {len(cases)} of {len(races)}, smallest first", file=sys.stderr)
        return 128 + stop.signal
    return 0


def _check(options: Any) -> None:
    """Refuse, before any work, what cannot be done or would lose a file."""
    from fastnst.atomic import check_writable

    for name in ("count", "steps"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name} {getattr(options, name)}: must be at least 1")
    if min(options.sizes) < 32:
        raise ConfigError(f"--sizes {min(options.sizes)}: must be at least 32 pixels")
    if (report := Path(options.out) / "report.json").exists() and not options.overwrite:
        raise ConfigError(f"{report} exists; choose another --out, or --overwrite")
    check_writable(options.out)


def _names(files: list[Path]) -> list[str]:
    """Call each network by its file, and one in a run's folder by that; tell the same ones apart."""
    names = [file.absolute().parent.name if file.name == "style.safetensors" else file.stem for file in files]
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]


def _digest(metadata: "Metadata") -> str:
    return str(metadata.styles[0].get("sha256")) if metadata.styles else ""


def _style(metadata: "Metadata", path: str | None, file: Path) -> Any:
    """Return the picture imitated, at the size it had in training.

    Raises:
        ConfigError: The checkpoint does not hold it and none is given, or another is.
    """
    from hashlib import sha256

    from fastnst.images import read_image, resize, unpack_image

    facts = metadata.styles[0] if metadata.styles else {}
    if path:
        picture = read_image(path)
        if facts.get("sha256") and facts["sha256"] != sha256(Path(path).read_bytes()).hexdigest():
            print(f"{path}: not the very file that {file} was trained on", file=sys.stderr)
        return resize(picture, *facts["size"]) if "size" in facts else picture
    if "picture" not in facts:
        raise ConfigError(f"{file} does not hold the picture it imitates; give it as --style")
    return unpack_image(facts["picture"])


def _photos(source: str, count: int) -> list[tuple[str, "Image.Image"]]:
    """Open the first photographs that can be opened.

    Raises:
        ConfigError: There are fewer.
    """
    from fastnst.data.photos import decode
    from fastnst.data.sources import open_photos
    from fastnst.images import ImageError

    found: list[tuple[str, Image.Image]] = []
    for number, row in enumerate(open_photos(source)):
        if len(found) == count:
            break
        try:
            picture = decode(row, 32)
        except ImageError as error:
            print(f"fastnst: {error}", file=sys.stderr)
            continue
        found.append((Path(str(row["image"].get("path") or f"photograph {number}")).name, picture))
    if len(found) < count:
        raise ConfigError(f"{source}: holds {len(found)} photographs that can be used, --count asks for {count}")
    return found
