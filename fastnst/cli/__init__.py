"""``fastnst``: the first word picks the command, and only that command is imported."""

import importlib
import logging
import os
import sys
import warnings
from keyword import iskeyword

from fastnst import __version__
from fastnst.errors import MESSAGE, ConfigError, printable, shortened

COMMANDS = {
    "check": "look at photographs before a training",
    "train": "train a network on one style picture, or several, and a set of photographs",
    "add-style": "teach a trained network one more style",
    "stylize": "paint pictures with a trained network",
    "models": "list the bundled styles",
    "import": "make a style of a network that another program trained",
    "optimize": "paint a picture by optimizing it (Gatys et al.)",
    "compare": "judge trained networks against the optimizer, under one loss",
    "inspect": "reconstructions from layers, feature maps, sweeps over settings",
    "export": "write a style for ONNX Runtime, browsers, and PyTorch elsewhere",
    "push": "share a style on the Hugging Face hub",
    "web": "write a page that paints in the browser",
    "serve": "paint behind an address: a page, an API, and training where allowed",
    "info": "tell how a picture, a style or a run was made",
}

EXIT_FAILED, EXIT_USAGE, EXIT_PARTLY, EXIT_INTERRUPTED = 1, 2, 3, 130


def usage() -> str:
    """Return the help of the whole program."""
    lines = "\n".join(f"  {name:<10}{what}" for name, what in COMMANDS.items())
    return (
        f"usage: fastnst COMMAND [options]\n\nFast neural style transfer, version {__version__}.\n\n{lines}\n\n"
        f"fastnst COMMAND --help tells more. --debug, anywhere, shows the traceback of an error."
    )


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 usage, 3 part of a batch failed, 130 or 143 interrupted."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """Run one command and return its exit code; errors become one line on stderr."""
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of broken EXIF and the like; what matters is logged
    _log_plainly()
    try:
        if not argv or argv[0] in ("-h", "--help", "help", "--version"):
            print(f"fastnst {__version__}" if argv[:1] == ["--version"] else usage(), flush=True)
            return 0 if argv else EXIT_USAGE
        if argv[0] not in COMMANDS:
            from fastnst.registry import unknown

            raise ConfigError(unknown("command", argv[0], COMMANDS))
        module = argv[0].replace("-", "_") + "_" * iskeyword(argv[0])
        command = importlib.import_module(f"fastnst.cli.{module}")
        return int(command.run(argv[1:]) or 0)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone; what is left to flush goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:  # the one place where errors become lines
        if debug:
            raise
        return _fail(_one_line(error), EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED)


class _Lines(logging.Formatter):
    """Write every note as one line, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return f"fastnst: {_who()}{printable(record.getMessage())}"


def _log_plainly() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _fail(message: str, code: int) -> int:
    print(f"fastnst: error: {_who()}{message}", file=sys.stderr)
    return code


def _who() -> str:
    """Name this process, if it is one of several that torchrun, SLURM or Lightning started, and not the first."""
    ranks = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    rank = next((rank for rank in ranks if rank), "0")
    return "" if rank == "0" else f"process {rank}: "


def _one_line(error: Exception) -> str:
    """Say an expected error plainly, and name the kind of any other."""
    text = printable(shortened(" ".join(str(error).split()), MESSAGE))
    if isinstance(error, ValueError | OSError | FloatingPointError) and text:
        return text
    return f"{type(error).__name__}: {text[:400]} (--debug shows where)"
