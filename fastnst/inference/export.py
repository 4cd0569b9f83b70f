"""What an exported file says of the style that it is of."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastnst.assets import license_of
from fastnst.checkpoint import Metadata, describe
from fastnst.export import Notes
from fastnst.networks import TransformationNetwork


def make_notes(
    network: TransformationNetwork,
    metadata: Metadata | None,
    file: Path | None,
    name: str,
    license: str | None = None,
    **how: Any,
) -> Notes:
    """Return the notes for a network.

    Args:
        network: What is exported.
        metadata: How it was made, as far as that is known.
        file: What it was loaded from, if it was.
        name: Of the file, for a network that is not of one style with a name.
        license: Of the weights; by default that of what comes with this program, or what an imported file says.
        how: It is written: ``pixels`` and ``precision``.
    """
    kept = _without_pictures(metadata.styles if metadata else [])
    license = license or known_license(metadata, file)
    digest = sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else ""
    name = str(kept[0].get("name", name)) if len(kept) == 1 else name
    return Notes(name, kept, describe(network), license or "not stated", digest, **how)


def known_license(metadata: Metadata | None, file: Path | None) -> str | None:
    """Return under what terms weights are: of what comes with this program, or as an imported file says, if it does."""
    own = license_of(file) if file is not None else None
    said = metadata.origin.get("license", "unknown") if metadata else "unknown"
    return own or (None if said == "unknown" else str(said))


def _without_pictures(styles: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: item for key, item in style.items() if key != "picture"} for style in styles]
