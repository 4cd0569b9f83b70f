"""Configs: settings in YAML, from anywhere, so read with limits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastnst.errors import ConfigError, first_line

LARGEST = 100_000
"""Bytes of a config."""

DEEPEST, MOST_ALIASES, MOST_VALUES = 30, 16, 10_000

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML raises, beside its own errors, at dates, numbers and nesting that are none."""


def read_config(file: Path) -> dict[str, Any]:
    """Read the settings of a YAML file.

    Raises:
        ConfigError: It cannot be read, holds anything else, or more than any command has settings.
    """
    try:
        text = file.read_text("utf-8") if file.stat().st_size <= LARGEST else None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read as YAML ({first_line(error)})") from None
    if text is None:
        raise ConfigError(f"{file}: is larger than {LARGEST // 1000} kB; a config holds some settings")
    return parse_settings(text, str(file))


def parse_settings(text: str, name: str) -> dict[str, Any]:
    """Return the settings that a text in YAML holds.

    Raises:
        ConfigError: It holds anything else, or more than any command has settings.
    """
    import yaml

    try:
        _check_events(name, yaml.parse(text, yaml.SafeLoader))
        settings = yaml.safe_load(text)
    except ConfigError:
        raise
    except (yaml.YAMLError, *UNREADABLE) as error:
        raise ConfigError(f"{name}: cannot be read as YAML ({first_line(error)})") from None
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        raise ConfigError(f"{name}: must hold settings, such as size: 512")
    if _is_large(settings):
        raise ConfigError(f"{name}: holds more than {MOST_VALUES} values, or one within itself")
    return settings


def _check_events(file: str, events: Iterable[Any]) -> None:
    """Refuse what would take any amount of time or memory to read: deep nesting, and too many aliases.

    Every alias may double what there is: a few lines could stand for billions of settings.
    """
    depth = aliases = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        aliases += kind == "AliasEvent"
        if depth > DEEPEST:
            raise ConfigError(f"{file}: is nested deeper than any settings are")
        if aliases > MOST_ALIASES:
            raise ConfigError(f"{file}: uses more than {MOST_ALIASES} aliases (*name); write the settings out")


def _is_large(settings: dict[str, Any]) -> bool:
    """Tell whether there are too many values, or any that hold themselves."""
    left: list[Any] = [settings]
    count = 0
    while left and count <= MOST_VALUES:
        value = left.pop()
        count += 1
        left += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return count > MOST_VALUES
