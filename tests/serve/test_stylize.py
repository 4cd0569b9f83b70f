"""Painting through a server, and what it refuses."""

import errno
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra serve")

import fastnst
from fastnst.images import read_note
from fastnst.inference import joint
from fastnst.serve import Limits, painting

from .conftest import BOUNDARY, encode, multipart, wait_for


def load(models, style=None, strength=1.0):
    return fastnst.load(models[style is not None], "cpu", "float32", style=style, strength=strength)


def test_a_painting_is_what_the_stylizer_paints(server, models, make_picture):
    photo = make_picture(51, 37)
    answer = server.stylize(photo)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    np.testing.assert_array_equal(answer.image, load(models)(photo))


@pytest.mark.parametrize(
    ("fields", "style", "strength"),
    [
        ({"style": "starry"}, "starry", 1.0),
        ({"style": "wave", "strength": "0.4"}, "wave", 0.4),
        ({"mix": "wave:1, udnie:3"}, {"wave": 1, "udnie": 3}, 1.0),
    ],
)
def test_a_style_is_chosen_by_name_mix_and_strength(server, models, make_picture, fields, style, strength):
    photo = make_picture(40, 32)
    answer = server.stylize(photo, model="gallery", **fields)
    np.testing.assert_array_equal(answer.image, load(models, style, strength)(photo))


@pytest.mark.parametrize(("format", "kind"), [("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF"), ("gif", "GIF")])
def test_the_format_of_the_answer_is_chosen(server, make_picture, format, kind):
    answer = server.stylize(encode(make_picture(), "BMP"), format=format)
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert answer.image.format == kind


def test_the_size_is_that_of_the_longer_side(server, models, make_picture):
    photo = make_picture(60, 40)
    expected = load(models).paint(np.asarray(photo), size=90)
    np.testing.assert_array_equal(server.stylize(photo, size="90").image, expected)


def test_colors_are_kept_where_that_is_wished(server, make_picture):
    photo = make_picture()
    kept, own = (server.stylize(photo, color=color).image.convert("YCbCr") for color in ("content", "style"))
    chroma = [np.asarray(image, int)[..., 1:] for image in (kept, own, photo.convert("YCbCr"))]
    assert abs(chroma[0] - chroma[2]).mean() < 0.5 * abs(chroma[1] - chroma[2]).mean()


def test_what_is_transparent_stays_so(server, make_picture):
    photo = make_picture(32, 32)
    photo.putalpha(Image.linear_gradient("L").resize((32, 32)))
    np.testing.assert_array_equal(server.stylize(photo).image.getchannel("A"), photo.getchannel("A"))


def test_an_animation_is_painted_frame_by_frame(server, make_picture):
    frames = [make_picture(32, 32, seed=i) for i in range(3)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert server.stylize(data, format="gif").image.n_frames == 3
    assert server.stylize(data, format="jpg").image.format == "JPEG"


def test_a_painting_says_how_it_was_made(server, make_picture, tmp_path):
    (tmp_path / "painted.png").write_bytes(server.stylize(make_picture(), color="content").body)
    assert read_note(tmp_path / "painted.png")["settings"] == {"model": "plain", "strength": 1.0, "color": "content"}


def test_requests_that_come_together_are_painted_together(server, models, make_picture):
    photos = [make_picture(45, 33, seed=i) for i in range(12)]
    server.service.batcher.alone(lambda: time.sleep(0.3))
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(server.stylize, photos))
    stylizer = load(models)
    for photo, answer in zip(photos, answers, strict=True):
        assert np.abs(np.asarray(answer.image, int) - np.asarray(stylizer(photo))).max() <= 1
    assert server.count('fastnst_batch_size_bucket{le="+Inf"}') > server.count('fastnst_batch_size_bucket{le="4"}')


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"model": "../../etc/passwd"}, 404, "unknown model '../../etc/passwd'. Known: plain, gallery"),
        ({"model": "/etc/passwd"}, 404, "unknown model"),
        ({"style": "/etc/passwd"}, 422, "unknown style '/etc/passwd'"),
        ({"model": "gallery", "mix": "wave:1,holiday.jpg:1"}, 422, "unknown style 'holiday.jpg'. Known: wave"),
        ({"model": "gallery"}, 422, "model gallery has 3 styles; choose one as style: wave, starry, udnie"),
        ({"model": "gallery", "mix": "wave"}, 422, "mix: 'wave' is not STYLE:WEIGHT, as wave:0.3"),
        ({"model": "gallery", "mix": "wave:nan"}, 422, "mix: 'wave:nan' is not STYLE:WEIGHT"),
        ({"model": "gallery", "mix": "wave:0"}, 422, "weights"),
        ({"model": "gallery", "mix": "wave:1", "style": "wave"}, 422, "give either style or mix"),
        ({"strength": "0.5"}, 422, "this model has one style at one strength; leave strength out"),
        ({"strength": "2"}, 422, "strength: input should be less than or equal to 1"),
        ({"strength": "nan"}, 422, "strength: "),
        ({"size": "0"}, 422, "size: input should be greater than or equal to 1"),
        ({"size": "5000"}, 413, "image: 48x40 painted at 5000 is more than the 0.1 megapixels this server takes"),
        ({"format": "exe"}, 422, "format: input should be 'png', 'jpg'"),
        ({"color": "mine"}, 422, "color: input should be 'style' or 'content'"),
    ],
)
def test_a_wish_that_cannot_be_is_answered_with_one_sentence(server, make_picture, fields, status, said):
    answer = server.stylize(make_picture(), **fields)
    assert answer.status == status
    assert said in answer.detail
    assert "\n" not in answer.detail


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"", 422, "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "not a picture of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 422, "not a picture of a known format"),
        (encode(Image.effect_noise((90, 90), 50))[:3000], 422, "cannot be read as a picture"),
        (encode(Image.new("1", (40000, 40000))), 413, "40000x40000 is more than the 0.1 megapixels"),
    ],
    ids=["empty", "svg", "postscript", "truncated", "bomb"],
)
def test_what_is_no_picture_is_refused(server, data, status, said):
    answer = server.stylize(data)
    assert (answer.status, said in answer.detail) == (status, True)


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (b"hello", "text/plain", 422, "missing image"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422, "missing"),
        (b"hello", "multipart/form-data", 400, ""),
        (multipart({"image": "text", "model": "plain"}), f"multipart/form-data; boundary={BOUNDARY}", 422, "as a file"),
        (multipart({"image": b"x"}), f"multipart/form-data; boundary={BOUNDARY}", 422, "missing model"),
    ],
)
def test_a_request_that_is_malformed_is_refused(server, body, kind, status, said):
    answer = server("/v1/stylize", "POST", body, content_type=kind)
    assert (answer.status, said in answer.detail) == (status, True)


def test_a_body_that_is_too_large_is_refused_before_it_is_kept(server):
    for size in (200_001, 700_000):
        answer = server.stylize(bytes(size))
        assert answer.status == 413
        assert answer.detail == "the request is larger than the 0.191 MB that this server takes"


@pytest.mark.parametrize("begin", [multipart({"image": b""})[:-30], b"rubbish"], ids=["file", "rubbish"])
def test_a_body_without_end_is_not_read_on_and_on(server, begin):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"POST /v1/stylize HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n")
        connection.sendall(f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode())
        connection.sendall(b"%x\r\n%b\r\n" % (len(begin), begin))
        chunk, sent = b"4000\r\n" + bytes(0x4000) + b"\r\n", 0
        with suppress(OSError):  # reset, or a broken pipe
            while sent < 200_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
    assert sent < 20_000_000
    assert server("/healthz").status == 200


def test_a_body_that_comes_too_slowly_is_given_up(serving):
    server = serving(limits=Limits(seconds=0.3))
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"POST /v1/stylize HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n")
        connection.sendall(f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n--".encode())
        answer = b""
        while b"slowly" not in answer and (more := connection.recv(4096)):  # head and body may come apart
            answer += more
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the request came too slowly" in answer


def test_a_full_queue_tells_when_to_come_again(serving, make_picture):
    server = serving(limits=Limits(queue=2))
    held = threading.Event()
    server.service.batcher.alone(lambda: held.wait(20))
    with ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(server.stylize, make_picture()) for _ in range(2)]
        wait_for(lambda: server.service.taken == 2)
        answer = server.stylize(make_picture())
        held.set()
    assert (answer.status, answer.detail) == (
        503,
        "the server is busy: 2 pictures are waiting already; try again later",
    )
    assert int(answer.headers["retry-after"]) >= 1
    assert [future.result().status for future in waiting] == [200, 200]


def test_a_request_that_takes_too_long_is_answered_and_its_picture_dropped(serving, make_picture, monkeypatch):
    server = serving(limits=Limits(seconds=0.3))
    painted = []
    monkeypatch.setattr(joint, "paint", lambda stylizer, photos: painted.extend(photos) or photos)
    held = threading.Event()
    server.service.batcher.alone(lambda: held.wait(20))
    answer = server.stylize(make_picture())
    assert (answer.status, answer.detail.split(";")[0]) == (504, "this took longer than the server allows")
    held.set()
    server.service.batcher.alone(lambda: None).result()
    assert not painted
    assert server.service.taken == 0


def test_nothing_is_painted_for_a_client_that_has_gone(serving, make_picture, monkeypatch):
    server = serving()
    painted = []
    monkeypatch.setattr(joint, "paint", lambda stylizer, photos: painted.extend(photos) or photos)
    held = threading.Event()
    server.service.batcher.alone(lambda: held.wait(20))
    body = multipart({"image": encode(make_picture()), "model": "plain"})
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"POST /v1/stylize HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
        connection.sendall(f"{head}content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode() + body)
        wait_for(lambda: server.service.batcher.waiting)
    wait_for(lambda: server.service.taken == 0)
    held.set()
    server.service.batcher.alone(lambda: None).result()
    assert not painted
    wait_for(lambda: server.count('fastnst_requests_total{path="/v1/stylize",status="499"}') == 1)


def test_a_full_disk_is_no_fault_of_the_client(server, make_picture, monkeypatch, caplog):
    async def write(upload, data):
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr("starlette.datastructures.UploadFile.write", write)
    answer = server.stylize(make_picture())
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    assert answer.detail == "the server can keep nothing now (no space left on device); try again later"
    assert "/secret/place" in caplog.text
    monkeypatch.undo()
    assert server.stylize(make_picture()).status == 200


def test_a_failure_of_ours_tells_nothing_and_stops_nothing(serving, make_picture, monkeypatch):
    server = serving()

    def fail(*args):
        raise KeyError("/secret/place")

    with monkeypatch.context() as patch:
        patch.setattr(painting, "finish", fail)
        answer = server.stylize(make_picture())
    assert (answer.status, answer.detail) == (500, "something went wrong here; the server's log tells what")
    assert server.stylize(make_picture()).status == 200
