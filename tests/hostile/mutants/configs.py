"""Configs: YAML that is damaged, nested, circular, of other types, or explodes."""

from collections.abc import Callable

import yaml

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import damaged, with_wrong_values

GOOD = {
    "stylize": {
        "strength": 1.0,
        "color": "content",
        "size": 40,
        "stroke": 1.0,
        "precision": "float32",
        "seed": 3,
        "engine": "torch",
    },
    "optimize": {
        **{"size": 32, "steps": 1, "style_size": 32, "stages": 1, "optimizer": "adam", "seed": 1, "lr": 0.02},
        "loss": {
            "tv": 1.0,
            "style_weight": 10.0,
            "content": {"relu2_1": 1},
            "style": {"relu1_1": 1},
            "scales": {"1": 1.0},
        },
    },
    "train": {
        "model": {
            "style_size": 48,
            "network": "lite",
            "network_options": {"width": 4, "blocks": 1},
            "loss": {"tv": 3.0},
        },
        "data": {"size": 32, "batch_size": 2, "workers": 0},
        "trainer": {"max_steps": 2, "precision": "32-true"},
    },
}

Made = tuple[str, bytes]


def bomb(rng: Rng) -> Made:
    """Few lines that stand for billions of settings."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    shape = one_of(rng, "[{}]", "{{{}}}")
    for n in range(1, int(rng.choice([4, 9, 20]))):
        part = f"*a{n - 1}"
        inner = ", ".join([part] * 10 if shape == "[{}]" else [f"k{i}: {part}" for i in range(10)])
        lines.append(f"a{n}: &a{n} " + str(shape).format(inner))
    lines.append(f"{one_of(rng, 'size', 'mix', 'loss', 'model', 'mask')}: *a{n}")
    return "aliases that explode", "\n".join(lines).encode()


def circle(rng: Rng) -> Made:
    texts = (
        "size: &a [*a]",
        "loss: &a {content: *a}",
        "&a {loss: *a}",
        "&a {<<: *a}",
        "mix: &a {x: {y: *a}}",
        "a: &a {b: &b {a: *a, b: *b}}",
    )
    return "aliases in circles", texts[int(rng.integers(len(texts)))].encode()


def nested(rng: Rng) -> Made:
    depth = int(rng.choice([50, 500, 20_000]))
    texts = (
        "[" * depth,
        "{a: " * depth,
        "- " * depth + "x",
        "".join(" " * i + f"k{i}:\n" for i in range(min(depth, 900))),
    )
    return f"nested {depth} deep", texts[int(rng.integers(len(texts)))].encode()


def strange(rng: Rng) -> Made:
    texts = (
        *(
            b"",
            b"\0",
            b"\xff\xfe\0s",
            b"size",
            b"- a\n- b",
            b"5",
            b"null",
            b"'",
            b"a: b: c",
            b"\t- x",
            b"---\n---\n",
            b"%YAML 9.9\n---\nsize: 1",
        ),
        *(
            b"size: " + b"9" * 5000,
            b"size: 1e400",
            b"size: .nan",
            b"size: -.inf",
            b"size: 0x" + b"f" * 400,
            b"size: 2001-99-99",
        ),
        *(
            b"size: 190:20:30",
            b"size: !!python/object/apply:os.system ['touch canary']",
            b"size: !!python/name:os.system",
        ),
        *(
            b"size: !!binary aGVsbG8=",
            b"size: !!binary '***'",
            b"? {a: 1}\n: 2",
            b"? [1]\n: 2",
            b"null: 1",
            b"1: 2",
            b"true: no",
            b"2026-01-01: 1",
        ),
        *(
            b"size: !!set {a, b}",
            b"size: !!omap [a: 1]",
            b"size: !!pairs [a: 1]",
            b"size: !!float x",
            b"size: !!int ''",
            b"size: !!timestamp x",
        ),
        *(
            b"config: other.yaml",
            b"c: x",
            b"help: true",
            b"out: null",
            b"size: [1, 2]",
            b"size: {a: 1}",
            b"input: [a.png]",
            b"device: cuda:99",
        ),
        *(
            b"a" * 2_000_000,
            b"size: '" + b"x" * 2_000_000,
            b"#" * 3_000_000,
            b'size: "\\ud800"',
            b'size: "\\0"',
            b"size: --help",
        ),
        *(
            b"- " * 3,
            b"<<: {size: 5}",
            b"<<: 5",
            b"<<: [1]",
            b"size: &x",
            b"size: *x",
            b"size: |\n  a\n  b",
            b"quiet: 5",
            b"quiet: [true]",
        ),
        *(
            b"memory: 1e308GB",
            b"memory: " + b"9" * 400 + b"GB",
            b"max_pixels: 1e999",
            b"max_pixels: nan",
            b"time_budget: " + b"9" * 400 + b"h",
        ),
    )
    text = texts[int(rng.integers(len(texts)))]
    return f"config {text[:30]!r}", text


def wrong_types(command: str, rng: Rng) -> Made:
    what, told = with_wrong_values(GOOD[command], rng)
    try:
        return what, yaml.safe_dump(told, allow_unicode=False).encode(errors="replace")
    except RecursionError:
        return nested(rng)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad config for one of the commands."""
    command = str(one_of(rng, "stylize", "stylize", "optimize", "optimize", "train"))
    ways: tuple[Callable[[], Made], ...] = (
        *(lambda: bomb(rng), lambda: circle(rng), lambda: nested(rng), lambda: strange(rng), lambda: strange(rng)),
        *(lambda: wrong_types(command, rng), lambda: wrong_types(command, rng), lambda: wrong_types(command, rng)),
        lambda: damaged(yaml.safe_dump(GOOD[command]).encode(), rng),
    )
    what, data = ways[int(rng.integers(len(ways)))]()
    photo = str(ground.photo)
    words = {
        "stylize": (photo, "--model", str(ground.model), "--out", "{out}", "--quiet", "-y"),
        "optimize": (
            *(
                "--content",
                photo,
                "--style",
                photo,
                "--size",
                "32",
                "--steps",
                "1",
                "--style_size",
                "32",
                "--stages",
                "1",
            ),
            *("--backbone", "vgg19", "--weights", str(ground.weights), "--content_layers", "relu2_1"),
            *("--style_layers", "relu1_1", "--canvas", "content", "--out", "{out}", "--quiet", "-y"),
        ),
        "train": ("--style", photo, "--photos", str(ground.photos), "--print_config", "--out", "run"),
    }[command]
    out = "" if command == "train" else "painted.png"
    return Case(f"{command}: {what}", "bad.yaml", data, (command, "-c", "{file}", *words), out)


def first(ground: Ground) -> tuple[str, ...]:
    """Return a good command that imports Lightning."""
    return ("train", "--style", str(ground.photo), "--photos", str(ground.photos), "--print_config", "--out", "run")
