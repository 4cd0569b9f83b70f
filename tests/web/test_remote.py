"""The page of a server: it sends pictures there, waits where the server is busy, and follows trainings."""

import io
import json
import shutil
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from PIL import Image

from fastnst.web import PAGE, describe_models, describe_site, thumbnail


def fields(request) -> dict[str, bytes]:
    """Take a form apart."""
    kind = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form: Message = BytesParser().parsebytes(kind + request.post_data_buffer)
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in form.walk()}


@pytest.fixture
def served(tmp_path: Path, stylizers) -> Path:
    """What a server shows at its root."""
    folder = tmp_path / "served"
    shutil.copytree(PAGE, folder)
    entries = describe_models(stylizers)
    (folder / "site.json").write_text(json.dumps(describe_site(entries, "server", training=True)))
    for entry in entries:
        for shown in (entry, *entry["styles"]):
            path = folder / shown["thumbnail"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(thumbnail(stylizers[entry["name"]], shown["name"] if shown is not entry else None))
    return folder


def test_a_picture_is_sent_and_the_answer_shown(visit, serve, served, tmp_path):
    asked: list[dict[str, bytes]] = []

    def stylize(route):
        asked.append(fields(route.request))
        if len(asked) == 1:
            return route.fulfill(status=503, headers={"Retry-After": "0"})
        if len(asked) == 3:
            return route.fulfill(status=413, body=json.dumps({"detail": "the picture is too large"}))
        data = io.BytesIO()
        Image.new("RGB", (64, 48), (200, 30, 90)).save(data, "PNG")
        return route.fulfill(body=data.getvalue(), content_type="image/png")

    guest = visit(serve(served).address)
    guest.context.route("**/v1/stylize", stylize)
    guest.arrive()
    assert "Pictures go to the server" in guest.page.inner_text("#promise")
    Image.new("RGB", (64, 48), (1, 2, 3)).save(tmp_path / "a.png")
    guest.choose("Starry", painted=False)
    guest.paint(tmp_path / "a.png")
    assert Image.open(guest.download("#png", tmp_path)).getpixel((5, 5)) == (200, 30, 90, 255)
    assert {name: asked[1][name] for name in ("model", "style", "strength", "format")} == {
        "model": b"gallery",
        "style": b"starry",
        "strength": b"1",
        "format": b"png",
    }
    assert Image.open(io.BytesIO(asked[1]["image"])).convert("RGB").getpixel((0, 0)) == (1, 2, 3)
    guest.choose("Waves", painted=False)
    guest.see("#error", "^The picture is too large$")
    assert "style" not in asked[2]
    assert "strength" not in asked[2]


def test_a_style_of_ones_own_is_trained_and_chosen(visit, serve, served, tmp_path):
    events = [
        {"state": "training", "share": 0.5, "preview": "/icon.svg"},
        {"state": "done", "share": 1, "model": "gallery"},
    ]
    guest = visit(serve(served).address)
    guest.context.route("**/v1/styles", lambda route: route.fulfill(body=json.dumps({"id": "7"})))
    guest.context.route(
        "**/v1/styles/7/events",
        lambda route: route.fulfill(
            body="".join(f"data: {json.dumps(event)}\n\n" for event in events), content_type="text/event-stream"
        ),
    )
    guest.arrive()
    Image.new("RGB", (64, 48)).save(tmp_path / "painting.png")
    guest.page.set_input_files("#style_file", str(tmp_path / "painting.png"))
    guest.see("#training", "^Trained")
    guest.see("#caption", "^Wave$")
    assert guest.page.is_visible("#preview")
