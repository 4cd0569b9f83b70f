"""Requests for a server under load, good and malformed, and a client that sends them; used by ``load.py``."""

import asyncio
import re
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

BOUNDARY = "fastnst-load"


@dataclass(frozen=True)
class Request:
    """What is sent, and how it must be answered."""

    body: bytes
    status: int = 200
    size: tuple[int, int] | None = None
    path: str = "/v1/stylize"
    hang_up: bool = False

    def head(self) -> bytes:
        kind = f"content-type: multipart/form-data; boundary={BOUNDARY}"
        head = f"POST {self.path} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\n"
        return f"{head}content-length: {len(self.body)}\r\n\r\n".encode()


def form(**fields: str | bytes) -> bytes:
    """Write the fields of a form; bytes are files."""
    parts = b""
    for name, value in fields.items():
        file = '; filename="photo"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts += head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def photo(side: int, seed: int) -> bytes:
    """Return a small picture as a JPEG file, three quarters as high as wide."""
    colors = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    data = BytesIO()
    Image.fromarray(colors).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(data, "JPEG")
    return data.getvalue()


def good(model: str, side: int, seed: int) -> Request:
    return Request(form(image=photo(side, seed), model=model, format="jpg"), size=(side, side * 3 // 4))


def malformed(model: str, number: int) -> Request:
    """Return one of many kinds of requests that cannot be served."""
    picture = photo(64, number)
    kinds = [
        Request(form(image=b"not a picture", model=model), 422),
        Request(form(image=b"", model=model), 422),
        Request(form(image=picture[: len(picture) // 2], model=model), 422),
        Request(form(image=picture, model="../../etc/passwd"), 404),
        Request(form(image=picture, model=model, style="/etc/passwd"), 422),
        Request(form(image=picture, model=model, size="999999"), 413),
        Request(form(image=picture), 422),
        Request(form(image=picture, model=model)[:-40], 422),
        Request(b"rubbish", 400),
        Request(form(image=bytes(3_000_000), model=model), 413),
        Request(form(image=picture), 405, path="/v1/nothing"),
        Request(form(image=picture, model=model), hang_up=True),
    ]
    return kinds[number % len(kinds)]


class Client:
    """A connection that is kept as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self.port, self.writer = port, None

    async def send(self, request: Request) -> tuple[int, bytes]:
        """Return status and body of the answer; 0 where the client hung up."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request.head() + request.body[: len(request.body) // (1 + request.hang_up)])
        if request.hang_up:
            await self.writer.drain()
            self.close()
            return 0, b""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1]))
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None
