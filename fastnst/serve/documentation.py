"""A page that tells what the server can do, made of its OpenAPI description; loads nothing from anywhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; } h2 code { font-size: 1.05rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; }
pre { background: #8882; padding: .75rem; overflow: auto; border-radius: .4rem; }
"""

EXAMPLE = """curl -F image=@holiday.jpg -F model=NAME {address}v1/stylize --output painted.png"""


def add_docs(app: FastAPI) -> None:
    """Add the page."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse("".join(_page(app.openapi())))


def _page(api: dict[str, Any]) -> Iterator[str]:
    info = api["info"]
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}: API</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>'
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
    yield f"<pre>{escape(EXAMPLE.format(address='http://localhost:8000/'))}</pre>"
    yield '<p>Machines read <a href="openapi.json">openapi.json</a>. Where the server wants a token, send it as '
    yield "<code>Authorization: Bearer TOKEN</code>. What goes wrong is answered as "
    yield "<code>application/problem+json</code>, whose <code>detail</code> is one sentence.</p>"
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>"
            yield from _fields(api, operation)
            yield from _answers(operation)
    yield "</body></html>"


def _fields(api: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Tell what can be sent with a request."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind in content.values():
        schema = api["components"]["schemas"][kind["schema"]["$ref"].rpartition("/")[2]]
        yield "<table><tr><th>field<th>kind<th>"
        for name, field in schema["properties"].items():
            needed = " (needed)" if name in schema.get("required", ()) else ""
            yield f"<tr><td><code>{escape(name)}</code>{needed}<td>{escape(_kind(field))}"
            default = f"; default {field['default']}" if field.get("default") is not None else ""
            yield f"<td>{escape(field.get('description', ''))}{escape(default)}"
        yield "</table>"


def _kind(field: dict[str, Any]) -> str:
    """Name the type of a field."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    option = options[0]
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    is_file = "contentMediaType" in option or option.get("format") == "binary"
    return "file" if is_file else str(option.get("type", ""))


def _answers(operation: dict[str, Any]) -> Iterator[str]:
    told = sorted(operation["responses"].items())
    if refusals := [f"{status} {answer['description']}" for status, answer in told if status >= "400"]:
        yield f"<p><small>{escape('; '.join(refusals))}.</small></p>"
