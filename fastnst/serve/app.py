"""The application: what is answered at which path."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from fastnst import __version__
from fastnst.serve import documentation, problems
from fastnst.serve.guard import App, Guard, is_loopback
from fastnst.serve.metrics import MEDIA_TYPE
from fastnst.serve.page import add_page
from fastnst.serve.previews import Previews
from fastnst.serve.service import Service
from fastnst.serve.styles import Styles
from fastnst.serve.stylize import add_stylize
from fastnst.serve.train import add_training

DESCRIPTION = "Paint photographs in the styles that this server has, and, where it allows that, in new ones."


def create_app(service: Service, styles: Styles | None = None, previews: Previews | None = None) -> App:
    """Return the application that serves a service.

    Args:
        service: With its models loaded.
        styles: Trains what clients ask for; nobody may ask by default.
        previews: Shows what it will be; needed with ``styles``.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if styles and previews:
            styles.start()
            service.batcher.alone(previews.prepare)
        yield
        if styles:
            await service.in_pool(styles.close)
        service.close()

    app = FastAPI(
        title="fastnst", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    problems.install(app)
    _add_watching(app, service)
    add_stylize(app, service)
    if styles and previews:
        add_training(app, service, styles, previews)
    documentation.add_docs(app)
    add_page(app, service, training=styles is not None)
    job = service.job
    return Guard(app, job.token, is_loopback(job.host), job.limits, service.metrics)


def _add_watching(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["watching"], summary="Whether the server is alive", response_class=PlainTextResponse)
    async def health() -> str:
        if not service.batcher.alive:
            raise problems.Problem(503, "what computes has ended; start the server anew")
        return "ok"

    @app.get("/readyz", tags=["watching"], summary="Whether it would serve a request")
    async def ready() -> dict[str, Any]:
        if not service.ready:
            raise problems.Problem(503, "the server is being stopped")
        return {"ready": True, "models": len(service.shelf.stylizers), "queue": service.taken}

    @app.get("/metrics", tags=["watching"], summary="Counts in the text format of Prometheus")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(service.metrics.text(), media_type=MEDIA_TYPE)
