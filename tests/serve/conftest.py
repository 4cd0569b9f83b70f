import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra serve")

from fastnst.serve import Limits, ServeJob
from fastnst.serve.app import create_app
from fastnst.serve.previews import Previews
from fastnst.serve.server import Server, config
from fastnst.serve.service import Service
from fastnst.serve.styles import Styles

BOUNDARY = "a-boundary"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def image(self) -> Image.Image:
        return Image.open(BytesIO(self.body))

    @property
    def detail(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.json["detail"]


def multipart(fields: Mapping[str, str | bytes]) -> bytes:
    """Bytes become files."""
    parts = b""
    for name, value in fields.items():
        file = isinstance(value, bytes)
        kind = '; filename="../../holiday.txt"\r\ncontent-type: text/plain' if file else ""
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{kind}\r\n\r\n'
        parts += head.encode() + (value if file else value.encode()) + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Running:
    """A server at work, and how to talk to it."""

    service: Service
    styles: Styles | None
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return answer

    def post(self, path: str, **fields: str | bytes) -> Answer:
        return self(path, "POST", multipart(fields), content_type=f"multipart/form-data; boundary={BOUNDARY}")

    def stylize(self, picture: Image.Image | bytes, **fields: str) -> Answer:
        image = picture if isinstance(picture, bytes) else encode(picture)
        return self.post("/v1/stylize", image=image, **{"model": "plain"} | fields)

    def count(self, line: str) -> float:
        """Return what the metrics say."""
        lines = self("/metrics").body.decode().splitlines()
        return next((float(found.rpartition(" ")[2]) for found in lines if found.startswith(line)), 0)


def encode(picture: Image.Image, fmt: str = "PNG", **how: Any) -> bytes:
    data = BytesIO()
    picture.save(data, fmt, **how)
    return data.getvalue()


def wait_for(fact: Callable[[], Any], seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return found


@contextmanager
def running(job: ServeJob, photos: str | None = None) -> Iterator[Running]:
    service = Service(job)
    service.fill()
    styles = Styles(job, photos, service) if photos else None
    app = create_app(service, styles, Previews(job, photos) if photos else None)
    server = Server(config(app, job.limits), service)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        wait_for(lambda: server.started)
        try:
            yield Running(service, styles, port)
        finally:
            server.handle_exit(15, None)
            thread.join()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, model_file: Path, gallery: Path) -> tuple[str, ...]:
    plain = tmp_path_factory.mktemp("models") / "plain.safetensors"
    plain.write_bytes(model_file.read_bytes())
    return str(plain), str(gallery)


@pytest.fixture(scope="session")
def server(models: tuple[str, ...]) -> Iterator[Running]:
    """A server for all who do not change it: ``plain`` has one style, ``gallery`` three."""
    limits = Limits(bytes=200_000, pixels=100_000, seconds=20)
    with running(ServeJob(models, device="cpu", precision="float32", limits=limits)) as found:
        yield found


@pytest.fixture
def serving(models: tuple[str, ...]) -> Iterator[Callable[..., Running]]:
    """Start servers of one's own; they end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(photos: str | None = None, **settings: Any) -> Running:
            job = ServeJob(**{"models": models[:1], "device": "cpu", "precision": "float32"} | settings)
            return stack.enter_context(running(job, photos))

        yield start
