"""Run the server: from the job to a socket, and from a signal to an end in good order."""

import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import uvicorn

from fastnst.assets.samples import copy_photos
from fastnst.atomic import check_writable
from fastnst.budget import parse_time
from fastnst.errors import ConfigError, errors_only
from fastnst.serve.app import create_app
from fastnst.serve.guard import App
from fastnst.serve.job import Limits, ServeJob
from fastnst.serve.previews import Previews
from fastnst.serve.service import Service
from fastnst.serve.styles import Styles

GRACE = 5
"""Seconds that a stopping server waits beyond the time that a request may take."""

CONNECTIONS = 1024
"""At the same time; beyond, uvicorn answers 503 by itself."""


class Server(uvicorn.Server):
    """Say when it listens, and tell the service when the first signal comes.

    Attributes:
        received: The signals that came.
    """

    def __init__(self, config: uvicorn.Config, service: Service, on_start: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self.service, self.on_start, self.received = service, on_start, list[int]()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop taking requests, and finish those that were taken; on the second signal at once."""
        self.received.append(sig)
        self.service.draining = True
        self.should_exit, self.force_exit = True, len(self.received) > 1


def run(job: ServeJob, on_start: Callable[[str], None] = lambda address: None) -> int:
    """Serve until a signal comes; return 0 if all that was begun was finished, else 128 and the signal's number.

    Args:
        job: What to serve.
        on_start: Called with the address when it listens.

    Raises:
        ConfigError: A model or an option that is not there, or an address that is taken.
        CheckpointError: A model that cannot be used.
        OSError: The folder of styles cannot be written.
    """
    # What a client's request lacks is the client's affair.
    with errors_only("fastnst.images", "python_multipart"), _listen(job) as listener, _photos(job) as photos:
        service = Service(job)
        service.fill()
        styles = Styles(job, photos, service) if photos else None
        app = create_app(service, styles, Previews(job, photos) if photos else None)
        where = address(job.host, listener.getsockname()[1])
        server = Server(config(app, job.limits), service, lambda: on_start(where))
        server.run([listener])
        if server.force_exit and styles:
            styles.kill()
    return 128 + server.received[-1] if server.force_exit else 0


def config(app: App, limits: Limits) -> uvicorn.Config:
    """Return how uvicorn serves an application."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=math.ceil(2 * limits.seconds) + GRACE,
    )


def address(host: str, port: int) -> str:
    """Return what to open in a browser of this machine."""
    shown = "localhost" if host in ("0.0.0.0", "::", "") else host
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def _listen(job: ServeJob) -> socket.socket:
    """Take the address, before the models are loaded.

    Raises:
        ConfigError: It cannot be taken.
    """
    if not 0 <= job.port < 2**16:
        raise ConfigError(f"port {job.port}: must be from 0 to 65535")
    try:
        kind, *_, place = socket.getaddrinfo(job.host, job.port, type=socket.SOCK_STREAM)[0]
        # By its protocol asyncio knows what to send at once: else the second part of an answer waits 40 ms.
        listener = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError as error:
        where, reason = f"{job.host}:{job.port}", error.strerror or error
        raise ConfigError(f"cannot listen at {where} ({reason}); choose another --host or --port") from None
    return listener


@contextmanager
def _photos(job: ServeJob) -> Iterator[str | None]:
    """Give what styles are trained on, as long as it is needed; nothing where none may be trained.

    Raises:
        ConfigError: No time, or no samples.
        OSError: The folder of styles cannot be written.
    """
    if not job.allow_training:
        yield None
        return
    parse_time(job.budget)
    check_writable(job.styles_folder)
    if job.photos is not None:
        yield job.photos
        return
    with TemporaryDirectory() as folder:
        photos = Path(folder) / "samples"  # what a trained style says it was trained on
        copy_photos(photos)
        yield str(photos)
