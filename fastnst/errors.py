"""Errors whose message is meant for the person at the keyboard."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import category

BREAKING = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, surrogates, and separators of lines and paragraphs."""


class ConfigError(ValueError):
    """A setting asks for something that cannot be: an unknown name, an impossible size, an empty folder.

    The command line ends with exit code 2 on this error and with 1 on any other.
    """


LONGEST, MESSAGE = 300, 1000
"""Characters of what another library says that are repeated, and of a message; either may quote a whole file."""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, shortened, or else what it is called."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return shortened(line, LONGEST)


def shortened(text: str, most: int) -> str:
    """Cut a text to so many characters."""
    return text if len(text) <= most else f"{text[: most - 4]} ..."


SECRETS = re.compile(
    r"(?P<before>://[^/\s:@]*:)[^/\s@]+(?=@)"  # https://user:password@host
    r"|(?P<key>(?i:[?&;][\w.-]*(?:token|key|secret|signature|password|credential|sig)[\w-]*=))[^&\s'\"]+"
    r"|(?P<word>\b(?i:bearer) )[\w.~+/=-]{8,}"
    r"|(?P<token>\bhf_)[A-Za-z0-9]{8,}"
)
"""Passwords in addresses, signed addresses, and the tokens of the hub."""


def discreet(text: str) -> str:
    """Leave out passwords and tokens, which addresses and messages of other libraries may hold."""
    return SECRETS.sub(lambda found: next(filter(None, found.groupdict().values())) + "***", text)


def printable(text: str) -> str:
    """Write what would break a line or a terminal as escapes: line ends, control characters, bytes that are no UTF-8.

    Names of files may hold any of these. Passwords and tokens are left out.
    """
    text = discreet(text)
    return "".join(ascii(letter)[1:-1] if category(letter) in BREAKING else letter for letter in text)


@contextmanager
def errors_only(*names: str) -> Iterator[None]:
    """Let loggers say nothing less than errors, where their notes would be of no use to who reads them."""
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
