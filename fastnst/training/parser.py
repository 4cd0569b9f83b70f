"""LightningCLI's parser, which reports errors as the commands do."""

import re
from typing import NoReturn

from pytorch_lightning.cli import LightningArgumentParser

from fastnst.errors import ConfigError
from fastnst.registry import guess
from fastnst.training.job import NAMES


class TrainParser(LightningArgumentParser):
    """Report a setting that cannot be as one line, in the words of our command line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        text = " ".join(str(message).split())
        if unknown := re.search(r"(?:accept option '|unrecognized arguments: --)([\w.]+)", text):
            text = f"unknown option --{unknown[1]}{guess(f'--{unknown[1]}', self._known())}"
        text = text.replace("the following arguments are required:", "missing")
        text = re.sub(r"Parser key |Subcommand ['\"]fit['\"] |\bfit\.(?=\w)", "", text)
        for short, long in () if unknown else NAMES.items():
            text = re.sub(rf"(-*)\b{re.escape(long)}\b", f"--{short}", text)
        raise ConfigError(f"{text}; see fastnst train --help")

    def _known(self) -> set[str]:
        below = self._subcommands_action._name_parser_map.values() if self._subcommands_action else ()
        return {name for parser in (self, *below) for name in parser._option_string_actions}
