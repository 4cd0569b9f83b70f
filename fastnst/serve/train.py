"""``/v1/styles``: have a style trained, see at once what it will be, and follow the training."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from PIL import Image

from fastnst.images.decode import open_image
from fastnst.serve.orders import Order
from fastnst.serve.painting import Wish, measure
from fastnst.serve.previews import Previews, small
from fastnst.serve.problems import Problem
from fastnst.serve.service import Service
from fastnst.serve.styles import Styles
from fastnst.serve.stylize import REFUSALS, in_time

TICK, PING = 0.5, 15
"""Seconds between two looks at a training, and after which a silent stream says that it is alive."""

TITLE = 80
"""Letters of a title."""

STYLE_SIDE = 2048
"""Longer side of a style picture that is kept, pixels: several times that at which it is looked at."""


def add_training(app: FastAPI, service: Service, styles: Styles, previews: Previews) -> None:
    """Add what has to do with styles of clients."""
    tags: list[Any] = ["training"]

    @app.post("/v1/styles", tags=tags, status_code=202, summary="Have a style trained", responses=REFUSALS)
    async def order(
        request: Request,
        image: Annotated[UploadFile, File(description="the picture to imitate")],
        name: Annotated[str, Form(max_length=TITLE, description="what to call the style")] = "style",
        photo: Annotated[UploadFile | None, File(description="a photograph to show it on")] = None,
    ) -> dict[str, Any]:
        styles.check_room()

        async def begin() -> Order:
            async with service.place():
                style = small(await _read(image, service), STYLE_SIDE)
                shown = small(await _read(photo, service)) if photo else await service.in_pool(lambda: previews.sample)
                preview = await service.computed(lambda: previews(style, shown))
                return await service.in_pool(lambda: styles.add(name, style, shown, preview))

        return (await in_time(request, service, begin())).facts()

    @app.get("/v1/styles", tags=tags, summary="All styles that clients asked for")
    async def orders() -> dict[str, Any]:
        return {"styles": [order.facts() for order in list(styles.orders.values())]}

    @app.get("/v1/styles/{id}", tags=tags, summary="What has become of a style")
    async def look(id: str) -> dict[str, Any]:
        return styles.get(id).facts()

    @app.delete("/v1/styles/{id}", tags=tags, summary="Stop a training; a style that is done stays")
    async def cancel(id: str) -> dict[str, Any]:
        return (await service.in_pool(lambda: styles.cancel(id))).facts()

    @app.get("/v1/styles/{id}/preview", tags=tags, summary="What it is expected to be", response_class=FileResponse)
    async def preview(id: str) -> FileResponse:
        return _picture(styles.place(styles.get(id).id).preview)

    @app.get("/v1/styles/{id}/result", tags=tags, summary="What came of it", response_class=FileResponse)
    async def result(id: str) -> FileResponse:
        return _picture(styles.place(styles.get(id).id).result)

    @app.get("/v1/styles/{id}/events", tags=tags, summary="Progress, as server-sent events")
    async def events(id: str) -> StreamingResponse:
        styles.get(id)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_follow(id, service, styles), media_type="text/event-stream", headers=headers)


async def _read(upload: UploadFile, service: Service) -> Image.Image:
    """Read a picture that was sent.

    Raises:
        ImageError: It is none, or too large.
    """

    def decoded() -> Image.Image:
        measure(upload.file, Wish(), service.limits.pixels)
        return open_image(upload.file, "image")

    return await service.in_pool(decoded)


def _picture(file: Path) -> FileResponse:
    if not file.is_file():
        raise Problem(404, "there is no such picture yet")
    return FileResponse(file, media_type="image/jpeg", headers={"cache-control": "no-cache"})


async def _follow(id: str, service: Service, styles: Styles) -> AsyncIterator[str]:
    """Tell whenever something has changed, until nothing will; the client comes back if the server stops before."""
    told, silent = None, 0.0
    while not service.draining:
        order = styles.get(id)
        if order != told:
            told, silent = order, 0.0
            yield f"data: {json.dumps(order.facts())}\n\n"
        if order.ended:
            return
        await asyncio.sleep(TICK)
        silent += TICK
        if silent >= PING:
            silent = 0.0
            yield ": still here\n\n"
