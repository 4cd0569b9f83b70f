"""The page of a server: it sends pictures there, waits where the server is busy, and follows trainings."""

import io
import json
import shutil
from email.parser import BytesParser
from pathlib import Path

import pytest
from PIL import Image

from fastnst.web import PAGE, describe_models, describe_site, thumbnail


def fields(headers, body: bytes) -> dict[str, bytes]:
    """Take a form apart."""
    form = BytesParser().parsebytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body)
    parts = form.get_payload()
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts}


def of_json(status: int, **facts: object) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(facts).encode()


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

    def stylize(headers, body):
        asked.append(fields(headers, body))
        if len(asked) == 1:
            return of_json(503, detail="busy")
        if len(asked) == 3:
            return of_json(413, detail="the picture is too large")
        data = io.BytesIO()
        Image.new("RGB", (64, 48), (200, 30, 90)).save(data, "PNG")
        return 200, "image/png", data.getvalue()

    host = serve(served)
    host.answers["/v1/stylize"] = stylize
    guest = visit(host.address)
    guest.arrive()
    assert "Pictures go to the server" in guest.page.inner_text("#promise")
    Image.new("RGB", (64, 48), (1, 2, 3)).save(tmp_path / "a.png")
    guest.choose("Starry", painted=False)
    guest.paint(tmp_path / "a.png")
    painted = Image.open(guest.download("#png", tmp_path)).convert("RGB")
    assert painted.getpixel((5, 5)) == (200, 30, 90)
    sent = asked[1]
    assert Image.open(io.BytesIO(sent.pop("image"))).convert("RGB").getpixel((0, 0)) == (1, 2, 3)
    assert sent == {"model": b"gallery", "style": b"starry", "strength": b"1", "format": b"png"}
    guest.choose("Waves", painted=False)
    guest.see("#error", "^The picture is too large$")
    assert asked[2].keys() == {"image", "model", "format"}


def test_a_style_of_ones_own_is_trained_and_chosen(visit, serve, served, tmp_path):
    host = serve(served)
    events = [
        {"state": "training", "share": 0.5, "preview": "/icon.svg"},
        {"state": "done", "share": 1, "model": "gallery"},
    ]
    told = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    host.answers["/v1/styles"] = lambda headers, body: of_json(202, id="7")
    host.answers["/v1/styles/7/events"] = lambda headers, body: (200, "text/event-stream", told)
    guest = visit(host.address)
    guest.arrive()
    Image.new("RGB", (64, 48)).save(tmp_path / "painting.png")
    guest.page.set_input_files("#style_file", str(tmp_path / "painting.png"))
    guest.see("#training", "^Trained")
    guest.see("#caption", "^Wave$")
    assert guest.page.is_visible("#preview")
