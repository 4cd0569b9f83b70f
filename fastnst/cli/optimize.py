"""``fastnst optimize``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ActionConfigFile, ArgumentParser

from fastnst.cli._parser import fail
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.optimize import Progress


class Parser(ArgumentParser):
    """Report a usage error as one line and exit with 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        fail(message, self.prog)


def parser() -> Parser:
    """Build the parser; the loss and the descent are spelled like the parameters they set."""
    from fastnst.losses import LossConfig
    from fastnst.optimize import OptimizeConfig

    parser = Parser(prog="fastnst optimize", description="Paint one picture by optimizing its pixels (Gatys et al.).")
    parser.add_argument("--config", action=ActionConfigFile, help="a YAML file with any of these options")
    parser.add_argument("--content", required=True, type=str, help="the photograph")
    parser.add_argument("--style", required=True, type=str, help="the picture to imitate")
    parser.add_argument("--out", required=True, type=str, help="the .png, .jpg or .webp to write")
    parser.add_argument("--size", type=int, default=512, help="pixels of the longer side of the result")
    parser.add_argument("--style_size", type=int | None, default=384, help="pixels of the style's shorter side")
    parser.add_argument("--overwrite", type=bool, default=False, help="replace --out if it exists (true or false)")
    parser.add_argument("--log", type=str | None, help="folder for a TensorBoard log of every term and the picture")
    parser.add_argument("--device", type=str | None, help="cuda, mps or cpu; the best there is by default")
    parser.add_class_arguments(OptimizeConfig)
    parser.add_class_arguments(LossConfig, "loss")
    return parser


def run(argv: list[str]) -> int:
    """Optimize, show progress, write the picture; Ctrl-C writes what there is."""
    options = parser().parse_args(argv)
    _check(options.out, options.overwrite, options.size)

    import torch
    from tqdm import tqdm

    from fastnst.devices import pick_device, reuse_memory
    from fastnst.images import fit, read_image, write_image
    from fastnst.losses import LossConfig
    from fastnst.optimize import OptimizeConfig, optimize

    reuse_memory()
    device = pick_device(options.device)
    content = fit(read_image(options.content), longer=options.size).to(device)
    style = read_image(options.style)
    style = (fit(style, shorter=options.style_size) if options.style_size else style).to(device)
    keys = OptimizeConfig.__dataclass_fields__
    config = OptimizeConfig(**{key: options[key] for key in keys})
    loss = LossConfig(**vars(options.loss)).build().to(device).to(memory_format=torch.channels_last)
    log = _Log(options.log)
    state = None
    bar = tqdm(total=config.steps, desc="optimize", unit="step", mininterval=0.5)
    try:
        for state in optimize(content, style, loss, config):
            log.write(state)
            bar.set_postfix(loss=f"{float(state.report.total):.4g}", refresh=False)
            bar.update(state.step - bar.n)
    except KeyboardInterrupt:
        if state is None:
            raise
        tqdm.write(f"interrupted: writing the picture of step {state.step}")
    finally:
        bar.close()
        log.close()
    assert state is not None
    write_image(state.image, options.out)
    terms = ", ".join(f"{path} {float(term):.4g}" for path, term in state.report.terms.items())
    print(f"{options.out}: loss {float(state.report.total):.4g} ({terms}) after {state.step} steps")
    return 0 if state.step == config.steps else 130


def _check(out: str, overwrite: bool, size: int) -> None:
    from fastnst.files import check_writable
    from fastnst.images import check_output

    if size < 1:
        raise ConfigError(f"--size {size}: must be at least 1 pixel")
    try:
        check_output(out)
    except ValueError as error:
        raise ConfigError(f"--out {error}") from None
    if Path(out).exists() and not overwrite:
        raise ConfigError(f"{out} exists; choose another --out, or --overwrite true")
    check_writable(Path(out).parent)


class _Log:
    """A TensorBoard log, or none."""

    def __init__(self, folder: str | None) -> None:
        self._writer = None
        if folder:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(folder)

    def write(self, state: "Progress") -> None:
        if self._writer is None:
            return
        self._writer.add_scalar("loss", state.report.total, state.step)
        for path, term in state.report.terms.items():
            self._writer.add_scalar(path, term, state.step)
        if state.step % 50 == 0:
            self._writer.add_image("stylized", state.image[0].clamp(0, 1), state.step)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
