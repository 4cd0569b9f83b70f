"""The grammar that all commands share."""

import importlib
import subprocess
import sys

import pytest

from fastnst.cli import COMMANDS
from fastnst.cli._loss import add_loss, layer_weights, loss_settings
from fastnst.cli._words import Parser, add_writing, at_least, optional
from fastnst.errors import ConfigError
from fastnst.losses import LossConfig


@pytest.fixture
def parser() -> Parser:
    parser = Parser("optimize", "", "Paint.")
    parser.add_argument("--size", type=at_least(1), default=512, help="pixels")
    parser.add_argument("--style_size", type=optional(at_least(1)), default=384, help="pixels")
    parser.add_argument("--content", nargs="+")
    parser.add_argument("--init")
    add_writing(parser, skip_existing=True)
    add_loss(parser)
    return parser


@pytest.mark.parametrize("words", ["--style-size 9 --skip-existing", "--style_size=9 --skip_existing"])
def test_dashes_and_underscores_are_one(parser, words):
    options = parser.read(words.split())
    assert (options.style_size, options.skip_existing) == (9, True)


def test_a_value_keeps_its_dashes(parser):
    options = parser.read(["--init=my-file", "--content", "a-b", "c-d"])
    assert (options.init, options.content) == ("my-file", ["a-b", "c-d"])


def test_null_is_no_value(parser):
    assert parser.read(["--style_size", "null"]).style_size is None


@pytest.mark.parametrize(
    "words",
    [
        ["--tv", "3", "--style_layers", "relu1_1:2", "relu2_1"],
        ["--loss.tv", "3", "--loss.style", "{relu1_1: 2, relu2_1: 1}"],
        ["--model.loss.tv=3", "--model.loss.style", "relu1_1:2", "relu2_1:1"],
    ],
)
def test_short_and_long_names_of_the_loss_are_one(parser, words):
    assert loss_settings(parser.read(words)) == {"tv": 3.0, "style": {"relu1_1": 2.0, "relu2_1": 1.0}}


@pytest.mark.parametrize(
    "words",
    [
        ["--scales", "1", "2:0.5", "--content_scale", "1"],
        ["--loss.scales", "{1: 1, 2: 0.5}", "--model.loss.content_scale=1"],
    ],
)
def test_scales_are_read_like_layers(parser, words):
    settings = loss_settings(parser.read(words))
    assert (LossConfig(**settings).scales, settings["content_scale"]) == ({1: 1.0, 2: 0.5}, 1)


def test_the_loss_in_help_has_the_defaults_of_the_loss(parser):
    text, defaults = " ".join(parser.format_help().split()), LossConfig()
    for name in ("tv", "style_weight", "backbone", "style_loss", "units", "pooling", "padding", "content_scale"):
        value = getattr(defaults, name)
        stated = text.split(f"--{name} ")[1].split("default: ")[1]
        assert stated.startswith(value if isinstance(value, str) else f"{value:g}"), name
    assert "default: " + " ".join(f"{key}:{value:g}" for key, value in defaults.scales.items()) in text


def test_a_config_comes_before_what_is_typed(parser, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "size: 64\nstyle_size: null\noverwrite: true\nloss: {tv: 1, content: {relu2_1: 2}}\ncontent: [a, b]\n"
    )
    options = parser.read(["--tv", "9", "-c", str(file)])
    assert (options.size, options.style_size, options.overwrite, options.content) == (64, None, True, ["a", "b"])
    assert loss_settings(options) == {"tv": 9.0, "content": {"relu2_1": 2.0}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sice: 3", "unknown setting sice; did you mean '--size'?"),
        ("- 3", "must hold settings"),
        ("{", "cannot be read as YAML"),
    ],
)
def test_a_config_that_cannot_be_used_is_named(parser, tmp_path, text, words):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match="mine.yaml") as error:
        parser.read(["--config", str(tmp_path / "mine.yaml")])
    assert words in str(error.value)


def test_a_config_without_a_name_is_one_line(parser):
    with pytest.raises(ConfigError, match="--config wants the name"):
        parser.read(["--config"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--sise 3", "unknown option --sise; did you mean '--size'?"),
        ("--size 0", "--size: 0 is too small, must be at least 1"),
        ("--size x", "--size: 'x' is not a whole number"),
        ("--scales 1:1 3:1", "--scales: '3:1': give powers of two"),
        ("--style_layers relu1_1:x", "--style_layers: 'relu1_1:x'"),
    ],
)
def test_usage_errors_are_one_line(parser, capsys, words, said):
    with pytest.raises(SystemExit, match="2"):
        parser.read(words.split())
    error = capsys.readouterr().err
    assert error.startswith(f"fastnst: error: {said}")
    assert error.endswith("see fastnst optimize --help\n")
    assert error.count("\n") == 1


def test_layers_are_read_with_and_without_weights():
    assert layer_weights("relu1_1") == {"relu1_1": 1.0}
    assert layer_weights("relu1_1:0.5") == {"relu1_1": 0.5}
    assert layer_weights("{a: 1, b: 2}") == {"a": 1.0, "b": 2.0}


HEAVY = {"torch", "numpy", "jsonargparse", "pytorch_lightning", "PIL"}


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_loads_nothing_heavy(command):
    code = f"""
import sys
from fastnst.cli import run
try:
    run([{command!r}, "--help"])
except SystemExit:
    pass
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())


PAINTING = ("train", "optimize", "compare", "stylize")


@pytest.mark.parametrize("command", [*PAINTING, "inspect sweep"])
def test_every_painting_command_has_the_shared_words(command):
    name, *rest = command.split()
    known = importlib.import_module(f"fastnst.cli.{name}").parser(*rest).known()
    assert {"--device", "--precision", "--seed", "--quiet", "--json", "--config", "-c", "--out", "-o"} <= known
    assert {"--overwrite", "-y"} <= known
    if name in ("train", "optimize", "inspect"):
        assert {"--style_weight", "--tv", "--backbone", "--content_layers", "--style_layers", "--style_loss"} <= known


def test_a_number_of_any_length_is_one_line(parser, capsys):
    for word in ("9" * 4000, "99999999999"):
        with pytest.raises(SystemExit):
            parser.read(["--size", word])
        said = capsys.readouterr().err
        assert "size" in said
        assert len(said) < 1200
