"""The page at ``/``, what it reads, and its thumbnails."""

from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

from fastnst import web
from fastnst.serve.problems import Problem
from fastnst.serve.service import Service


def add_page(app: FastAPI, service: Service, training: bool) -> None:
    """Add the page of :mod:`fastnst.web`. Comes last: it takes the rest.

    Args:
        app: Gets it.
        service: Its models are shown.
        training: Whether the page offers to have a style trained.
    """
    thumbnails: dict[tuple[str, int], bytes] = {}

    def site() -> dict[str, Any]:
        models = web.describe_models(service.shelf.stylizers)
        described = web.describe_site(models, "server", training=training)
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
            thumbnails[key] = await service.computed(partial(web.thumbnail, stylizer, style))
        return Response(thumbnails[key], media_type="image/jpeg", headers={"cache-control": "max-age=3600"})

    app.mount("/", StaticFiles(directory=web.PAGE, html=True))


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
