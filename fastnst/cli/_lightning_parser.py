"""LightningCLI's parser, which reports errors as the other commands do."""

import re
from typing import NoReturn

from pytorch_lightning.cli import LightningArgumentParser

from fastnst.cli._words import usage_error
from fastnst.registry import guess

NAMES = {
    "trainer.max_steps": "steps",
    "trainer.default_root_dir": "out",
    "model.style": "style",
    "data.photos": "photos",
    "data.size": "size",
    "data.batch_size": "batch_size",
}
"""What settings are called on the command line, for messages."""


class TrainParser(LightningArgumentParser):
    """Report a usage error as one line, in the words of our command line, and exit with 2."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        text = " ".join(str(message).split())
        if unknown := re.search(r"(?:accept option '|unrecognized arguments: --)([\w.]+)", text):
            text = f"unknown option --{unknown[1]}{guess(f'--{unknown[1]}', self._known())}"
        text = text.replace("the following arguments are required:", "missing")
        text = re.sub(r"Parser key |Subcommand ['\"]fit['\"] |\bfit\.(?=\w)", "", text)
        for long, short in NAMES.items():
            text = re.sub(rf"(-*)\b{re.escape(long)}\b", f"--{short}", text)
        usage_error(text, "fastnst train")

    def _known(self) -> set[str]:
        below = self._subcommands_action._name_parser_map.values() if self._subcommands_action else ()
        return {name for parser in (self, *below) for name in parser._option_string_actions}
