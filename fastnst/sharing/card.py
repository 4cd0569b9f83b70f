"""The card of a style on the hub: what it is, how it looks, how it is used, how it was trained and judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from fastnst.about import artwork
from fastnst.checkpoint import Metadata, network_name
from fastnst.networks import TransformationNetwork

LICENSES = frozenset(
    [
        "mit",
        "apache-2.0",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc0-1.0",
        "cc-by-4.0",
        "cc-by-sa-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-nc-nd-4.0",
        "gpl-3.0",
        "lgpl-3.0",
        "agpl-3.0",
        "mpl-2.0",
        "unlicense",
        "openrail",
        "unknown",
        "other",
    ]
)
"""Names that the hub has for licenses, of those that weights come with; any other goes by its own words."""

TAGS = ("style-transfer", "neural-style-transfer", "image-to-image", "art")


@dataclass(frozen=True)
class Facts:
    """What a card says of the file.

    Args:
        repo: ``USER/NAME``.
        file: What it is called there.
        sha256: Of it.
        size: Bytes.
        license: Of the weights, where it is known.
        sample: The picture beside it.
    """

    repo: str
    file: str
    sha256: str
    size: int
    license: str | None
    sample: str

    @property
    def address(self) -> str:
        """What is given as a model."""
        return f"hf://{self.repo}"


def card(metadata: Metadata, network: TransformationNetwork, facts: Facts) -> str:
    """Return a card as Markdown, with a head of YAML that the hub reads and :mod:`fastnst.assets.hub` checks."""
    name = facts.repo.partition("/")[2]
    parts = [
        f"---\n{head(metadata, facts)}---",
        f"# {name}",
        *_what(metadata, network),
        f"![A picture, and what {name} paints of it]({facts.sample})",
        _network(network, facts),
        f"## Use\n\n{use(metadata, network, facts.address)}",
        *_section("How it was trained", _rows(trained(metadata))),
        *_section("How it was judged", judged(metadata)),
        f"## License\n\n{_license(facts.license)}",
    ]
    return "\n\n".join(parts) + "\n"


def head(metadata: Metadata, facts: Facts) -> str:
    """Return the settings of a card, as YAML."""
    import yaml

    given = (facts.license or "unknown").strip()
    known = given.lower() in LICENSES
    license = {"license": given.lower()} if known else {"license": "other", "license_name": given}
    own = {"file": facts.file, "sha256": facts.sha256, "version": metadata.fastnst_version or None}
    settings = {
        **license,
        "library_name": "fastnst",
        "pipeline_tag": "image-to-image",
        "tags": list(TAGS),
        "fastnst": {key: value for key, value in own.items() if value},
    }
    return str(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


def _what(metadata: Metadata, network: TransformationNetwork) -> list[str]:
    """Say what is imitated."""
    if not metadata.styles and network.styles is not None:
        return ["Paints in the style of any picture, at once."]
    if len(metadata.styles) < 2:
        return [f"{', '.join(lines)}." for lines in [artwork(metadata)] if lines]
    works = [(f"`{s.get('name', '')}`", ", ".join(_known(s, "title", "artist", "date"))) for s in metadata.styles]
    return [f"{len(works)} styles in one network, in any mix and at any strength.", table(("style", "artwork"), works)]


def _known(style: Mapping[str, Any], *keys: str) -> list[str]:
    return [str(style[key]) for key in keys if style.get(key)]


def _network(network: TransformationNetwork, facts: Facts) -> str:
    count = sum(parameter.numel() for parameter in network.parameters())
    return (
        f"A network `{network_name(network)}` of {count:,} parameters, {facts.size / 1e6:.2f} MB; numbers in a "
        f"safetensors file, nothing in it is executed. sha256 of `{facts.file}`: `{facts.sha256}`."
    )


def use(metadata: Metadata, network: TransformationNetwork, address: str) -> str:
    """Say how to paint with it, on the command line and in Python."""
    names = [str(style.get("name", "")) for style in metadata.styles]
    choice, chosen = "", ""
    if len(names) > 1:
        choice, chosen = f" --style {quote(names[0])}", f", style={json.dumps(names[0])}"
    elif not names and network.styles is not None:
        choice, chosen = " --style painting.jpg", ', style="painting.jpg"'
    command = f"    fastnst stylize holiday.jpg --model {address}"
    more = f"{command} --mix {quote(names[0] + ':0.3')} {quote(names[1] + ':0.7')}\n" if names[1:] else ""
    return (
        f"    pip install fastnst\n{command}{choice}\n{more}\n```python\n"
        f'import fastnst\n\nstylizer = fastnst.load("{address}"{chosen})\n'
        'stylizer("holiday.jpg").save("painted.png")\n```'
    )


def trained(metadata: Metadata) -> dict[str, Any]:
    """Collect what the training was asked for, or where the network is from."""
    loss = {f"loss: {key}": value for key, value in metadata.loss.items() if key != "content_scales"}
    return {**metadata.origin, **metadata.training, **loss, "date": metadata.created or None}


def judged(metadata: Metadata) -> str:
    """Say how near held-out photographs came to content and style; nothing if that was not judged."""
    terms = metadata.judged.get("terms", {})
    if not terms:
        return ""
    photos, size = metadata.judged["photos"], metadata.judged["size"]
    on = f"On {photos} held-out photographs of {size} px; each term with its weight"
    return f"{on}, lower is nearer.\n\n{_rows(terms)}"


def _license(license: str | None) -> str:
    if license is None:
        return "Not stated; ask the publisher before you use the weights. What is painted is a matter of its own."
    return f"The weights are under: {license}."


def _section(title: str, text: str) -> list[str]:
    return [f"## {title}\n\n{text}"] if text else []


def _rows(values: Mapping[str, Any]) -> str:
    known = [(key, value) for key, value in values.items() if value not in (None, "", {}, [])]
    return table(("", ""), known) if known else ""


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Write a table as Markdown."""
    top = "|" + "".join(f" {word} |" if word else " |" for word in head)
    return "\n".join([top, "|" + "---|" * len(head), *(f"| {' | '.join(map(_cell, line))} |" for line in lines)])


def _cell(value: Any) -> str:
    """Write a value so that it stays in its cell."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
