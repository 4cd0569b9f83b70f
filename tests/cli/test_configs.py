"""Configs of any content end in words for the command, or in one line that names the file."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastnst.assets import read_config
from fastnst.cli._config import expand_configs
from fastnst.errors import ConfigError

KNOWN = {"--help", "--config", "--size", "--loss.tv", "--quiet", "--mask", "--mix"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "c.yaml"


def expand(file: Path) -> list[str]:
    return expand_configs(["-c", str(file)], "stylize", KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "\n".join(f"c{i}: &c{i} [*b, *b, *b]" for i in range(9)) + "\nsize: *c1",
        "size: &a [*a]",
        "loss: &a {tv: *a}",
        "size: " + "[" * 5000,
        "- " * 20_000 + "x",
        "size: 2001-99-99",
        "size: " + "9" * 5000,
        "size: !!int ''",
        "size: !!timestamp x",
        "size: !!python/object/apply:os.system ['true']",
        "\0",
        "- a",
        "5",
        "x" * 200_000,
        "mask: [a.png, --quiet]",
        "sise: 5",
        "help: true",
        "config: other.yaml",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_config_is_one_line_that_names_the_file(file, text):
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"c\.yaml: ") as error:
        expand(file)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


def test_a_value_is_never_taken_for_an_option(file):
    file.write_text("size: --help")
    assert expand(file) == ["--size=--help"]


def test_some_aliases_are_fine(file):
    file.write_text("loss: {tv: &tv 3}\nsize: *tv")
    assert expand(file) == ["--loss.tv=3", "--size=3"]


def test_settings_may_be_nested_as_deep_as_any_are(file):
    file.write_text(json.dumps({"loss": {"tv": {"a": {"b": 1}}}}))
    assert read_config(file)["loss"]["tv"] == {"a": {"b": 1}}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["size", "loss.tv", "loss", "quiet", "mask", "mix", "other"]) | st.text(max_size=5)


def refusal(call, *args) -> str | None:
    """Return what a ConfigError says; nothing where there is none."""
    try:
        call(*args)
    except ConfigError as error:
        return str(error)
    return None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_settings_become_words_or_one_line(file, values):
    file.write_text(yaml.safe_dump(values))
    assert (refusal(expand, file) or str(file)).startswith(str(file))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text("&*:-[]{}!|>?%@\"' \n\tab1", max_size=60).map(str.encode))
def test_any_bytes_are_a_config_or_one_line(file, data):
    file.write_bytes(data)
    assert (refusal(read_config, file) or str(file)).startswith(str(file))
