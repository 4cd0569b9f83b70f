"""``POST /v1/stylize`` and ``GET /v1/models``."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import Response

from fastnst.errors import ConfigError
from fastnst.images.recolor import Color
from fastnst.inference import Stylizer
from fastnst.serve.painting import Format, Wish
from fastnst.serve.problems import GONE, MEDIA_TYPE, Problem
from fastnst.serve.service import Service

T = TypeVar("T")

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in {
        404: "no model of this name",
        413: "too many bytes or pixels",
        422: "not a picture, or a field that is wrong",
        503: "busy; the header Retry-After says when to try again",
        504: "took too long",
    }.items()
}

Image = Annotated[UploadFile, File(description="a picture; what it is decides its content, not its name")]
Mix = Annotated[str | None, Form(description="several styles by weight, such as wave:0.3,starry:0.7")]
Size = Annotated[int | None, Form(ge=1, description="longer side of the result, pixels; as the picture by default")]


def add_stylize(app: FastAPI, service: Service) -> None:
    """Add painting, and the list of models."""

    @app.get("/v1/models", tags=["painting"], summary="The models and their styles")
    async def models() -> dict[str, Any]:
        return {"models": [facts(name, stylizer) for name, stylizer in service.shelf.stylizers.items()]}

    @app.post(
        "/v1/stylize",
        tags=["painting"],
        summary="Paint a picture; the answer is the painting",
        response_class=Response,
        responses=REFUSALS | {200: {"content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}}},
    )
    async def stylize(
        request: Request,
        image: Image,
        model: Annotated[str, Form(description="one of /v1/models")],
        style: Annotated[str | None, Form(description="one of the model's styles")] = None,
        mix: Mix = None,
        strength: Annotated[float, Form(ge=0, le=1, description="0 for the photograph, 1 for all of the style")] = 1.0,
        size: Size = None,
        color: Annotated[Color, Form(description="whose colors the result has")] = "style",
        format: Annotated[Format, Form(description="of the answer")] = "png",
    ) -> Response:
        chosen = chosen_style(style, mix)
        wish = Wish(color, size, format)
        settings: dict[str, object] = {
            "model": model,
            "style": style,
            "mix": mix,
            "strength": strength,
            "color": color,
            "size": size,
        }

        async def paint() -> bytes:
            async with service.place():
                return await service.paint(
                    image.file, lambda: service.shelf.pick(model, chosen, strength), wish, settings
                )

        painted = await in_time(request, service, paint())
        service.metrics.pictures.add(model=model)
        return Response(painted, media_type=wish.media_type)


def facts(name: str, stylizer: Stylizer) -> dict[str, Any]:
    """Return what a client may know of a model."""
    known = stylizer.metadata.styles if stylizer.metadata else []
    origin = known[0] if len(known) == 1 else {}
    return {
        "name": name,
        "title": origin.get("title", name),
        "artist": origin.get("artist", ""),
        "styles": stylizer.styles if len(stylizer.styles) > 1 else [],
        "strength": stylizer.has_strength,
    }


def chosen_style(style: str | None, mix: str | None) -> str | dict[str, float] | None:
    """Read which style is wished.

    Raises:
        ConfigError: Both a style and a mix, or a mix that is none.
    """
    if not mix:
        return style or None
    if style:
        raise ConfigError("give either style or mix; a mix may be of a single style")
    weights: dict[str, float] = {}
    for word in mix.split(","):
        name, _, weight = word.strip().rpartition(":")
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if not name or not 0 <= value < float("inf"):
            raise ConfigError(f"mix: {word.strip()!r} is not STYLE:WEIGHT, as wave:0.3")
        weights[name] = weights.get(name, 0.0) + value
    return weights


async def in_time(request: Request, service: Service, work: Awaitable[T]) -> T:
    """Await some work, as long as its client waits and the server allows; what is left of it then is dropped.

    Raises:
        TimeoutError: It took too long.
        Problem: The client has gone; nobody reads this.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait([task, gone], timeout=service.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if gone.done():
            raise Problem(GONE, "the client has gone")
        raise TimeoutError
    finally:
        for left in (task, gone):
            left.cancel()


async def _gone(request: Request) -> None:
    """Wait until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
