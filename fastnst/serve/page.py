"""The page at ``/``, what it reads, and its thumbnails."""

from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from fastnst.inference import Stylizer
from fastnst.serve.problems import Problem
from fastnst.serve.service import Service

NO_PAGE = '<!doctype html><title>fastnst</title><p>fastnst is serving; see <a href="docs">what it can do</a>.'


def add_page(app: FastAPI, service: Service, training: bool) -> None:
    """Add the page of :mod:`fastnst.web`, or a word in its place where it is not there. Comes last: it takes the rest.

    Args:
        app: Gets it.
        service: Its models are shown.
        training: Whether the page offers to have a style trained.
    """
    try:
        from fastnst import web
    except ImportError:
        _add_word(app)
        return
    thumbnails: dict[tuple[str, int], bytes] = {}

    def site() -> dict[str, Any]:
        models = web.describe_models(service.shelf.stylizers)
        described: dict[str, Any] = web.describe_site(models, "server", training=training)
        limits = service.limits
        return described | {"limits": {"bytes": limits.bytes, "pixels": limits.pixels, "seconds": limits.seconds}}

    @app.get("/site.json", include_in_schema=False)
    async def describe() -> dict[str, Any]:
        return await service.in_pool(site)

    @app.get("/thumbnails/{path:path}", include_in_schema=False)
    async def thumbnail(path: str) -> Response:
        path = f"thumbnails/{path}"
        name, style = _shown_at(path, site()["models"])
        stylizer = service.shelf.stylizers[name]
        key = path, id(stylizer)
        if key not in thumbnails:
            thumbnails[key] = await service.computed(partial(_thumbnail, stylizer, style))
        return Response(thumbnails[key], media_type="image/jpeg", headers={"cache-control": "max-age=3600"})

    app.mount("/", StaticFiles(directory=web.PAGE, html=True))


def _thumbnail(stylizer: Stylizer, style: str | None) -> bytes:
    from fastnst import web

    data: bytes = web.thumbnail(stylizer) if style is None else web.thumbnail(stylizer, style)
    return data


def _shown_at(path: str, models: list[dict[str, Any]]) -> tuple[str, str | None]:
    """Return the model, and the style, whose thumbnail is at a path; only paths that the page is told are known.

    Raises:
        Problem: None is.
    """
    for model in models:
        if model["thumbnail"] == path:
            return model["name"], None
        for style in model["styles"]:
            if style["thumbnail"] == path:
                return model["name"], style["name"]
    raise Problem(404, "there is no such thumbnail")


def _add_word(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def word() -> HTMLResponse:
        return HTMLResponse(NO_PAGE)
