"""What is to be served, and how much of it: plain data."""

from dataclasses import dataclass, field
from pathlib import Path

from fastnst.devices import Precision
from fastnst.inference import Engine


@dataclass(frozen=True)
class Limits:
    """How much one client may ask for, and all of them together.

    Args:
        bytes: Of a request's body.
        pixels: Of a picture that is read, of all frames of an animation together, and of a result.
        seconds: For a request, from the first byte of its body to the first of the answer; an upload alone may take as
            long once more.
        queue: Requests that are being served or wait for it; more are answered with 503.
        batch: Pictures of one size and style that are painted at once.
        trainings: Trainings that wait for the one that runs.
    """

    bytes: int = 64 * 2**20
    pixels: int = 24_000_000
    seconds: float = 60.0
    queue: int = 64
    batch: int = 8
    trainings: int = 8


@dataclass(frozen=True)
class ServeJob:
    """A server to be run.

    Args:
        models: Bundled styles by name, or trained files; all bundled styles by default.
        host: Address to listen at.
        port: And port; 0 for any that is free.
        token: What clients must know; nothing by default.
        limits: How much they may ask for.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``; see :class:`~fastnst.Stylizer`.
        engine: ``auto``, ``torch``, ``onnx`` or ``openvino``; see :class:`~fastnst.Stylizer`.
        allow_training: Whether clients may have styles trained.
        styles_folder: Where these are kept, and found again by the next server.
        photos: What they are trained on, as for ``fastnst train``; the bundled samples by default.
        budget: Time of a training, as for ``fastnst train``.
        seed: Of trainings.
    """

    models: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    limits: Limits = field(default_factory=Limits)
    device: str | None = None
    precision: Precision | None = None
    engine: Engine = "auto"
    allow_training: bool = False
    styles_folder: Path = Path("styles")
    photos: str | None = None
    budget: str = "3m"
    seed: int = 0
