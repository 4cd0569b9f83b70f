"""What an exported file says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from fastnst import __version__
from fastnst.export.runtime import Pixels


@dataclass(frozen=True)
class Notes:
    """Plain data in the metadata of an exported file, each under its own name.

    Args:
        name: Of the style, or of the file with several.
        styles: One ``{"name", "sha256", ...}`` per style, in the order of the input ``style``; ``sha256`` is that
            of the picture that it imitates.
        network: ``{"name", "config"}`` of the network.
        license: Under which the weights may be used.
        source_sha256: Of the file that was exported; empty where there was none.
        pixels: What the graph takes and gives, ``uint8`` or ``float32``.
        precision: ``float32``, ``fp16`` or ``int8``.
        difference: What :func:`~fastnst.export.check.compare` found: ``{"largest", "mean", "sizes", "checked_with"}``,
            in 8-bit levels against torch.
        fastnst_version: Version that wrote the file.
    """

    name: str
    styles: list[dict[str, Any]] = field(default_factory=list)
    network: dict[str, Any] = field(default_factory=dict)
    license: str = "not stated"
    source_sha256: str = ""
    pixels: Pixels = "uint8"
    precision: str = "float32"
    difference: dict[str, Any] = field(default_factory=dict)
    fastnst_version: str = __version__

    def as_strings(self) -> dict[str, str]:
        """Return text by name; lists and mappings as JSON."""
        return {key: item if isinstance(item, str) else json.dumps(item) for key, item in asdict(self).items()}

    @classmethod
    def from_strings(cls, found: Mapping[str, str]) -> "Notes":
        """Return notes from text by name; names that are not known are left out.

        Raises:
            KeyError: This is not from an exported file.
            ValueError: It is damaged.
        """
        texts = {item.name for item in fields(cls) if isinstance(item.default, str) or item.name == "name"}
        known = {item.name: found[item.name] for item in fields(cls)}
        values: dict[str, Any] = {key: text if key in texts else json.loads(text) for key, text in known.items()}
        notes = cls(**values)
        plain = [notes.network, notes.difference, *notes.styles] if isinstance(notes.styles, list) else [None]
        if not all(isinstance(item, dict) for item in plain):
            raise ValueError("its notes are of other types")
        return notes
