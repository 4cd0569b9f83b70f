"""The grammar that all commands share: how words are read, and the options that mean the same everywhere."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from fastnst.cli._config import expand_configs
from fastnst.errors import MESSAGE, ConfigError, printable, shortened
from fastnst.registry import guess

FAST = "bfloat16, where the hardware is fast at it,"
"""The precision that is best for most."""

MOST = 2**31 - 1
"""Of whole numbers; what counts pixels, steps or files."""

EPILOG = "Options may be written --like_this or --like-this. --debug shows the traceback of an error."


class Parser(argparse.ArgumentParser):
    """Read one command's words; report a usage error as one line and exit with 2.

    The standard library's parser, because it starts at once: help needs neither torch nor jsonargparse. A parser knows
    ``--config``, whose settings come before the words that were typed, so that what is typed wins.

    Args:
        command: The words before the options, e.g. ``"stylize"`` or ``"inspect sweep"``.
        synopsis: What must be given, for the usage line.
        description: What the command is for.
    """

    def __init__(self, command: str, synopsis: str, description: str) -> None:
        super().__init__(
            prog=f"fastnst {command}",
            usage=f"fastnst {command} {synopsis} [options]",
            description=description,
            epilog=EPILOG,
            allow_abbrev=False,
            formatter_class=Help,
        )
        self.command = command.split()[0]
        self.add_argument("-c", "--config", metavar="NAME", action="append", help=config_help(self.command))

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Return the options that the words stand for.

        Raises:
            ConfigError: A config that is not there, or that sets what the command does not have.
        """
        words = self.expand(argv)
        options = before_separator(words)
        for word in options:
            if word.startswith("--") and word.partition("=")[0] not in self.known():
                self.error(f"unknown option {word}{guess(word.partition('=')[0], self.known())}")
        behind = words[len(options) + 1 :]
        files = (f"./{word}" if word.startswith("-") and word != "-" else word for word in behind)
        return self.parse_intermixed_args([*options, *files])  # which, as of 3.11, does not know the separator

    def expand(self, argv: Sequence[str]) -> list[str]:
        """Return the words with underscores in the names of options, and with configs replaced by their settings."""
        return expand_configs(underscored(argv), self.command, self.known())

    def known(self) -> set[str]:
        """Return the names of all options."""
        return set(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        message = message.replace("the following arguments are required:", "missing").removeprefix("argument ")
        message = re.sub(r"-\w/(--\w+)|(--\w+)/[^:, ]+", r"\1\2", message)  # one name of an option is enough
        usage_error(message, self.prog)


class Help(argparse.HelpFormatter):
    """Show each option under its short names, with its default."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=116)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = [name for name in action.option_strings if "." not in name] or action.option_strings[:1]
        if not names:
            return super()._format_action_invocation(action)
        values = self._format_args(action, self._get_default_metavar_for_optional(action).rpartition(".")[2])
        return f"{', '.join(names)} {values}".rstrip()

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        if default is None or default is False or default is argparse.SUPPRESS or "default" in text:
            return text
        return f"{text} (default: {' '.join(map(str, default)) if isinstance(default, list) else default})"


def usage_error(message: str, program: str) -> NoReturn:
    """Say in one line what is wrong with the command line; exit with 2."""
    message = printable(shortened(" ".join(message.split()), MESSAGE))
    print(f"fastnst: error: {message}; see {program} --help", file=sys.stderr)
    sys.exit(2)


def config_help(command: str) -> str:
    """Say which configs a command has."""
    from fastnst.assets import configs

    bundled = ", ".join(configs(command))
    file = "settings, as --print_config prints them" if command == "train" else "these options"
    return f"a YAML file of {file}" + (f", or a bundled recipe: {bundled}" if bundled else "")


def underscored(argv: Sequence[str]) -> list[str]:
    """Spell the names of options with underscores."""
    options = len(before_separator(argv))
    return [_underscored(word) if i < options else word for i, word in enumerate(argv)]


def before_separator(words: Sequence[str]) -> Sequence[str]:
    """Return the words before ``--``, behind which nothing is an option."""
    return words[: words.index("--")] if "--" in words else words


def _underscored(word: str) -> str:
    name, equals, value = word.partition("=")
    return name.replace("-", "_").replace("__", "--", 1) + equals + value if name.startswith("--") else word


def at_least(least: int) -> Callable[[str], int]:
    """Make a type of whole numbers that are not below ``least``."""

    def whole(word: str) -> int:
        try:
            value = int(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{word!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small, must be at least {least}")
        if value > MOST:
            raise argparse.ArgumentTypeError(f"{word[:40]} is too large, must be at most {MOST}")
        return value

    return whole


def between(low: float, high: float) -> Callable[[str], float]:
    """Make a type of numbers from ``low`` to ``high``."""

    def number(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{word!r} is not a number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{word} is not between {low:g} and {high:g}")
        return value

    return number


def optional(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let ``null`` stand for no value."""
    return lambda word: None if word.lower() in ("null", "none") else kind(word)


def add_computing(parser: argparse.ArgumentParser, precision: str = FAST) -> None:
    """Add where, in which precision (by default so as ``precision`` says) and from which seed to compute."""
    group = parser.add_argument_group("computing")
    group.add_argument("--device", help="cuda, mps or cpu; the best there is by default")
    group.add_argument("--precision", choices=("float32", "bfloat16"), help=f"{precision} by default")
    group.add_argument("--seed", type=int, default=0, help="of everything random")


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add how much is said."""
    group = parser.add_argument_group("reporting")
    group.add_argument("--quiet", action="store_true", help="print errors only")
    group.add_argument("--json", action="store_true", help="print the result as JSON")


def add_writing(parser: argparse.ArgumentParser, skip_existing: bool = False) -> None:
    """Add what happens to files that exist."""
    parser.add_argument("-y", "--overwrite", action="store_true", help="replace files that exist")
    if skip_existing:
        parser.add_argument("--skip_existing", action="store_true", help="leave out pictures whose result exists")


def say(options: argparse.Namespace, line: str) -> None:
    """Print a line about what was done, unless ``--quiet`` or ``--json`` asks for less."""
    if not (options.quiet or options.json):
        print(printable(line), file=sys.stderr if getattr(options, "out", None) == "-" else sys.stdout, flush=True)


def report(options: argparse.Namespace, line: str, facts: dict[str, Any]) -> None:
    """Print what was written: a line, or with ``--json`` its facts."""
    if options.json:
        print(json.dumps(facts), file=sys.stderr if getattr(options, "out", None) == "-" else sys.stdout, flush=True)
    say(options, line)


def progress_bar(options: argparse.Namespace, iterable: Iterable[Any] | None = None, **settings: Any) -> Any:
    """Return tqdm's bar, which is silent where nobody watches."""
    from tqdm import tqdm

    return tqdm(iterable, disable=options.quiet or options.json or not sys.stderr.isatty(), **settings)


def check_out(*paths: Any, options: argparse.Namespace) -> None:
    """Refuse to lose a file.

    Raises:
        ConfigError: One exists, and neither ``--overwrite`` nor ``--skip_existing`` was given.
    """
    if not may_exist(options):
        refuse_existing([path for path in paths if path.exists()], options)


def may_exist(options: argparse.Namespace) -> bool:
    """Say whether files that exist are replaced or left as they are."""
    return bool(options.overwrite or getattr(options, "skip_existing", False))


def refuse_existing(existing: Sequence[Any], options: argparse.Namespace) -> None:
    """Refuse to lose files that exist.

    Raises:
        ConfigError: There are any.
    """
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        verb = "exist" if more else "exists"
        remedy = "--overwrite or --skip_existing" if hasattr(options, "skip_existing") else "--overwrite"
        raise ConfigError(f"{existing[0]}{more} {verb}; choose another --out, or give {remedy}")
