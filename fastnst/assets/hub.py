"""Styles on the Hugging Face hub, by address: ``hf://USER/NAME``, with ``@REVISION`` or ``/FILE.safetensors`` or both.

Only ``.safetensors`` files are fetched, and the card, which is text. Where the hub is, whether it may be asked
(``HF_ENDPOINT``, ``HF_HUB_OFFLINE``), where files are kept (``HF_HOME``) and who asks (``HF_TOKEN``, or what
``hf auth login`` has stored) is the business of the hub's own client.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastnst.assets import hub_client as client
from fastnst.assets.hub_client import HubError
from fastnst.assets.settings import LARGEST, parse_settings
from fastnst.errors import ConfigError

ADDRESS = re.compile(
    r"hf:/{1,2}(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[\w./-]+?))?(?:/(?P<file>[\w.-]+\.safetensors))?",
    re.ASCII,
)
"""One stroke alone is what ``pathlib`` leaves of two."""

CARD = "README.md"

MOST_BYTES = 256 * 2**20
"""A style has a few megabytes."""


@dataclass(frozen=True)
class Address:
    """Where a style is on the hub.

    Args:
        repo: ``USER/NAME``.
        revision: A branch, a tag or a commit; the newest of branch ``main`` by default.
        file: Of several in the repository.
    """

    repo: str
    revision: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        return f"hf://{self.repo}" + (f"@{self.revision}" * bool(self.revision)) + (f"/{self.file}" * bool(self.file))

    @property
    def name(self) -> str:
        """Of the repository, without its owner."""
        return self.repo.partition("/")[2]


def is_address(text: str | os.PathLike[str]) -> bool:
    """Say whether a word is meant to be an address on the hub."""
    return os.fspath(text).startswith("hf:/")


def parse_address(text: str | os.PathLike[str]) -> Address:
    """Read an address.

    Raises:
        ConfigError: It is none.
    """
    found = ADDRESS.fullmatch(os.fspath(text))
    if not found or ".." in os.fspath(text):
        wanted = "hf://USER/NAME, hf://USER/NAME@REVISION or hf://USER/NAME/FILE.safetensors"
        raise ConfigError(f"{os.fspath(text)}: not an address on the hub; write {wanted}")
    return Address(**found.groupdict())


def fetch(text: str | os.PathLike[str]) -> Path:
    """Return the file of a style on the hub, from the client's cache where it is there; the same all along a process.

    Raises:
        ConfigError: No address.
        HubError: No such style, no way to it, or not the file that the hub or the card speaks of.
    """
    return _fetched(parse_address(text))


@cache
def _fetched(address: Address) -> Path:
    with client.explained(str(address)):
        return _newest(address) if client.may_ask() else _cached(address)


def _newest(address: Address) -> Path:
    """Ask the hub; where it cannot be reached, take what the cache has."""
    try:
        listed = client.list_files(address.repo, address.revision)
    except client.errors() as error:
        if client.is_answer(error):
            raise
        return _cached(address, because=client.explain(error))
    name = choose(address, list(listed))
    if (size := listed[name].size) and size > MOST_BYTES:
        raise HubError(f"{address}: {name} has {size / 2**20:.0f} MB, which no style has; it was not fetched")
    get = client.getter(address.repo, address.revision)
    card = get(CARD) if CARD in listed else None
    return _checked(address, name, get, {"the hub": listed[name].sha256, "its card": stated(card, name)})


def _cached(address: Address, because: str = "HF_HUB_OFFLINE is set") -> Path:
    """Take what was fetched before."""
    folder = client.cached_folder(address.repo, address.revision)
    there = [path.name for path in folder.glob("*.safetensors")] if folder else []
    if folder is None or not there or address.file not in (None, *there):
        raise HubError(f"{address}: is not in the cache, and {because}; fetch it once where there is a network")
    name = choose(address, there)
    return _checked(address, name, lambda file: folder / file, {"its card": stated(folder / CARD, name)})


def choose(address: Address, listed: list[str]) -> str:
    """Choose the file: as the address says, or else the only one, or the one called like the repository.

    Raises:
        HubError: There is none, or there are several.
    """
    styles = sorted(name for name in listed if name.endswith(".safetensors") and "/" not in name)
    if address.file:
        if address.file in styles:
            return address.file
        raise HubError(f"{address}: there is no such file; there is {', '.join(styles) or 'no .safetensors'}")
    if not styles:
        raise HubError(f"{address}: holds no .safetensors, and nothing else is loaded")
    if len(styles) == 1:
        return styles[0]
    if f"{address.name}.safetensors" in styles:
        return f"{address.name}.safetensors"
    raise HubError(f"{address}: holds {', '.join(styles)}; choose one: hf://{address.repo}/{styles[0]}")


def _checked(address: Address, name: str, get: Callable[[str], Path], digests: dict[str, str | None]) -> Path:
    """Fetch a file and compare its digest with those that are stated; of a damaged copy in the cache say so."""
    path = get(name)
    found = sha256(path.read_bytes()).hexdigest()
    for who, wanted in digests.items():
        if wanted is not None and found != wanted:
            kept = path.resolve()
            raise HubError(
                f"{address}: {name} has the sha256 {found[:12]}..., but {who} says {wanted[:12]}...; it was not "
                f"loaded: remove {kept} and try again"
            )
    return path


def stated(card: Path | None, name: str) -> str | None:
    """Return the sha256 that a card states for a file, if it does."""
    head = front_matter(card.read_text("utf-8", errors="replace")) if card is not None and card.is_file() else {}
    facts = head.get("fastnst")
    if not isinstance(facts, dict) or facts.get("file") != name or not facts.get("sha256"):
        return None
    return str(facts["sha256"])


def front_matter(text: str) -> dict[str, Any]:
    """Return the settings at the head of a card; none where it has no such head."""
    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text[:LARGEST], re.DOTALL)
    try:
        return parse_settings(found[1], CARD) if found else {}
    except ConfigError:
        return {}
