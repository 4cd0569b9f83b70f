"""What a client asked to have trained, and what is kept of it: a folder with pictures and a record."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fastnst.atomic import replacing
from fastnst.checkpoint import STYLE_FILE

State = Literal["queued", "training", "done", "failed"]

LONGEST = 40
"""Letters of an id."""


class UnknownStyleError(LookupError):
    """Nobody asked for a style of this id."""


@dataclass(frozen=True)
class Order:
    """A style that was asked for.

    Args:
        id: Name of its folder, and of the model that it becomes.
        title: As the client calls it.
        state: What has become of it.
        share: Of the training, from 0 to 1.
        message: What there is to say: numbers of the training, or why it failed.
    """

    id: str
    title: str
    state: State = "queued"
    share: float = 0.0
    message: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed")

    def facts(self) -> dict[str, Any]:
        """Return what a client is told."""
        path, done = f"/v1/styles/{self.id}", self.state == "done"
        return asdict(self) | {
            "share": round(self.share, 3),
            "events": f"{path}/events",
            "preview": f"{path}/preview",
            "result": f"{path}/result" if done else None,
            "model": self.id if done else None,
        }


class Place:
    """The folder of an order.

    Attributes:
        style: The picture to imitate; the network's style is called like it.
        photo: On which the style is shown.
        preview: What was expected of it.
        result: What came of it.
        run: Folder of the training.
        model: The trained style.
    """

    RECORD = "record.json"

    def __init__(self, folder: Path, id: str) -> None:
        self.folder = folder / id
        self.style = self.folder / f"{id}.png"
        self.photo, self.preview, self.result = (
            self.folder / name for name in ("photo.png", "preview.jpg", "result.jpg")
        )
        self.run = self.folder / "run"
        self.model = self.run / STYLE_FILE

    def note(self, order: Order) -> None:
        """Keep what has become of the order."""
        with replacing(self.folder / self.RECORD) as temporary:
            temporary.write_text(json.dumps(asdict(order)))

    def read(self) -> Order:
        """Return what was kept; a training that had begun is to be gone on with.

        Raises:
            ValueError: It is damaged.
            OSError: It cannot be read.
        """
        try:
            order = Order(**json.loads((self.folder / self.RECORD).read_text()))
        except TypeError as error:
            raise ValueError(f"not a record of a style ({error})") from None
        return replace(order, id=self.folder.name, state=order.state if order.ended else "queued")


def kept(folder: Path) -> list[Place]:
    """List the orders that a folder holds, the oldest first."""
    records = sorted(folder.glob(f"*/{Place.RECORD}"), key=lambda record: record.stat().st_mtime)
    return [Place(folder, record.parent.name) for record in records]


def free_id(title: str, taken: Callable[[str], bool]) -> str:
    """Make a name for folder and model of what a client calls a style."""
    plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:LONGEST].strip("_") or "style"
    number, free = 1, plain
    while taken(free):
        number += 1
        free = f"{plain}_{number}"
    return free
