"""The models that a server has, and the styles of theirs that were asked for lately."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastnst import assets
from fastnst.assets import find_style
from fastnst.checkpoint import style_name
from fastnst.errors import ConfigError
from fastnst.inference import Stylizer, load
from fastnst.registry import unknown
from fastnst.serve.job import ServeJob
from fastnst.web import safe_name

KEPT = 32
"""Styles, mixes and strengths that are kept: requests for the same one are painted together."""


class UnknownModelError(LookupError):
    """There is no model of this name; the message lists those there are."""


class Shelf:
    """Models by name. Clients choose among these names only, so nothing they write is ever taken for a path.

    Args:
        job: Says how to load.
    """

    def __init__(self, job: ServeJob) -> None:
        self.job = job
        self.stylizers: dict[str, Stylizer] = {}
        self._kept: OrderedDict[tuple[object, ...], Stylizer] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, file: Path) -> Stylizer:
        """Load a model, and leave it to the caller to put it on the shelf.

        Raises:
            CheckpointError: The file cannot be used.
            ConfigError: The device or the engine is not there.
        """
        return load(file, self.job.device, self.job.precision, self.job.engine)

    def fill(self) -> None:
        """Load all that the job names.

        Raises:
            CheckpointError: A file cannot be used.
            ConfigError: No such model, two of one name, one without a style to choose by name, or none at all.
        """
        for word in self.job.models or assets.styles():
            file = find_style(word)
            name = safe_name(style_name(file))
            if name in self.stylizers:
                raise ConfigError(f"two models are called {name}; rename a file")
            self.add(name, self.load(file))
        if not self.stylizers:
            raise ConfigError("this installation has no bundled styles; give --model FILE")

    def add(self, name: str, stylizer: Stylizer) -> None:
        """Put a model on the shelf.

        Raises:
            ConfigError: It paints like any picture, and knows no style by name.
        """
        if not stylizer.styles and getattr(stylizer.network, "styles", None) is not None:
            raise ConfigError(f"model {name}: knows no style by name that could be asked for")
        with self._lock:
            self.stylizers = {**self.stylizers, name: stylizer}

    def pick(self, name: str, style: str | Mapping[str, float] | None = None, strength: float = 1.0) -> Stylizer:
        """Return a stylizer of one style, the same one for the same wish as long as it is kept.

        Args:
            name: Of the model.
            style: One of its styles, or weights of several; needed where it has several.
            strength: From 0 to 1.

        Raises:
            ConfigError: No such style or strength, or none was chosen.
            UnknownModelError: No such model.
        """
        stylizer = self.stylizers.get(name)
        if stylizer is None:
            raise UnknownModelError(unknown("model", name, self.stylizers))
        _check(name, stylizer.styles, style)
        if style is None and strength == 1:
            return stylizer
        words = tuple(sorted(style.items())) if isinstance(style, Mapping) else style
        key = (name, id(stylizer), words, strength)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = stylizer.styled(style, strength)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _check(name: str, styles: Sequence[str], style: str | Mapping[str, float] | None) -> None:
    """Refuse what is not the name of a style; a stylizer would take it for the path of a picture."""
    if style is None and len(styles) > 1:
        raise ConfigError(f"model {name} has {len(styles)} styles; choose one as style: {', '.join(styles)}")
    for word in style if isinstance(style, Mapping) else [style]:
        if word is not None and word not in styles:
            raise ConfigError(unknown("style", word, styles))
