"""What a card says: the artworks, how the network was trained and judged, and what may be done with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from style_table import Artwork

from fastnst.about import artwork, network_line
from fastnst.checkpoint import Metadata, load_checkpoint
from fastnst.losses import by_kind
from fastnst.sharing.card import table

OLD = "in the public domain where copyright lasts 70 years after the author's death."
OWN = "drawn by fastnst itself and is under its MIT license."
WEIGHTS = "The weights are under the MIT license of this project; they were trained with"
BORROWED = (
    "photographs of BSDS500 and samples of ImageNet, which are for research and education: say so where you publish "
    "them."
)
FREE = "the photographs that come with scikit-image"
KINDS = ("content", "style", "tv", "loss")


def card(path: Path, artworks: Mapping[str, Artwork]) -> str:
    """Say what a style file is.

    Args:
        path: Of the file; the sheet of a network of several styles is beside it, if there is one.
        artworks: What its styles imitate, by name.
    """
    network, metadata = load_checkpoint(path)
    photos, size = (metadata.judged.get(key, "no") for key in ("photos", "size"))
    works = [artworks[style["name"]] for style in metadata.styles]
    parts = [
        f"# {path.stem}",
        *(_several(path, works) if len(works) > 1 else _one(path, metadata)),
        f"Network: {network_line(network, path)}, in half precision.",
        *(_shown(path) if len(works) > 1 else []),
        f"## How it was trained\n\n{rows(trained(metadata))}",
        f"## How it was judged\n\nOn {photos} held-out photographs of {size} px; each term with its weight, lower is "
        f"nearer.\n\n{rows(metadata.judged.get('terms', {}))}",
        *_judged_each(metadata),
        f"## License\n\n{license(works, metadata.training.get('init', 'random'))}",
    ]
    return "\n\n".join(parts) + "\n"


def _one(path: Path, metadata: Metadata) -> list[str]:
    return [". ".join(artwork(metadata)) + ".", f"    fastnst stylize --model {path.stem} photo.jpg"]


def _several(path: Path, works: Sequence[Artwork]) -> list[str]:
    command, (first, second) = f"    fastnst stylize --model {path.stem}", (work.name for work in works[:2])
    return [
        f"{len(works)} styles in one network, each also at less than its full strength, and in mixes.",
        table(("style", "artwork"), [(f"`{w.name}`", ", ".join(filter(None, _origin(w)))) for w in works]),
        f"{command} --style {first} photo.jpg\n{command} --style {first} --strength 0.5 photo.jpg\n"
        f"{command} --mix {first}:0.3 {second}:0.7 photo.jpg",
    ]


def _origin(work: Artwork) -> tuple[str, str, str]:
    return work.title, work.artist, work.date


def strips(path: Path) -> Path:
    """Return where the sheet of a network of several styles is: not beside it, where wheels are made of."""
    return path.parent.parent / "scripts" / f"{path.stem}.jpg"


def _shown(path: Path) -> list[str]:
    """Show the sheet, if there is one."""
    sheet = strips(path)
    words = "A photograph in each style, from strength 0 to 1, and from one style to another"
    return [f"![{words}](../scripts/{sheet.name})", f"{words}."] if sheet.is_file() else []


def _judged_each(metadata: Metadata) -> list[str]:
    """Compare the styles of one network, as far as they were judged one by one."""
    judged = {style["name"]: by_kind(style["judged"]) for style in metadata.styles if style.get("judged")}
    if len(metadata.styles) < 2 or not judged:
        return []
    return [
        table(("style", *KINDS), [(f"`{name}`", *(k.get(kind, "") for kind in KINDS)) for name, k in judged.items()])
    ]


def license(works: Sequence[Artwork], init: str = "random") -> str:
    """Say under what terms pictures and weights are; a start hands on the terms of the photographs behind it."""
    old, own = [work for work in works if not work.drawn], [work for work in works if work.drawn]
    several = len(works) > 1
    terms = [f"The paintings are {OLD}" if several else f"The painting is {OLD}"] if old else []
    terms += [f"The style picture{f' of `{work.name}`' if several else ''} is {OWN}" for work in own]
    if any(work.photos != "samples" for work in works):
        return " ".join([*terms, WEIGHTS, BORROWED])
    behind = "." if init == "random" else f", from a start that was trained with {BORROWED}"
    return " ".join([*terms, WEIGHTS, FREE + behind])


def index(styles: Mapping[str, Metadata]) -> str:
    """List style files by name in a table of Markdown."""
    lines = []
    for name, metadata in sorted(styles.items()):
        one = metadata.styles[0] if len(metadata.styles) == 1 else {}
        artist = one.get("artist", "").partition(" (")[0]
        work = ", ".join(filter(None, (one.get("title"), artist, one.get("date"))))
        lines.append((f"`{name}`", work or f"{len(metadata.styles)} styles in one network", f"[card]({name}.md)"))
    return table(("style", "artwork", "card"), lines)


def trained(metadata: Metadata) -> dict[str, Any]:
    """Collect what the training was asked for."""
    loss = {f"loss: {key}": value for key, value in metadata.loss.items() if key != "content_scales"}
    return {**metadata.training, **loss, "date": metadata.created, "fastnst": metadata.fastnst_version}


def rows(values: Mapping[str, Any]) -> str:
    """Write names and values as Markdown."""
    return table(("", ""), list(values.items()))
