"""What an exported file says of the style that it is of."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastnst.assets import licence_of
from fastnst.checkpoint import Metadata, describe
from fastnst.export import Notes
from fastnst.networks import TransformationNetwork


def make_notes(
    network: TransformationNetwork,
    metadata: Metadata | None,
    file: Path | None,
    name: str,
    licence: str | None = None,
    **how: Any,
) -> Notes:
    """Return the notes for a network.

    Args:
        network: What is exported.
        metadata: How it was made, as far as that is known.
        file: What it was loaded from, if it was.
        name: Of the file, for a network that is not of one style with a name.
        licence: Of the weights; by default that of what comes with this program, or what an imported file says.
        how: It is written: ``pixels`` and ``precision``.
    """
    kept = _without_pictures(metadata.styles if metadata else [])
    if licence is None and file is not None:
        licence = licence_of(file) or (metadata.origin.get("license") if metadata else None)
    digest = sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else ""
    name = str(kept[0].get("name", name)) if len(kept) == 1 else name
    return Notes(name, kept, describe(network), licence or "not stated", digest, **how)


def _without_pictures(styles: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: item for key, item in style.items() if key != "picture"} for style in styles]
