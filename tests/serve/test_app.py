"""What a server answers besides paintings, and to whom."""

import re

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from fastnst.web import PAGE

from .conftest import multipart


def test_the_models_are_listed(server):
    plain, gallery = server("/v1/models").json["models"]
    assert plain == {"name": "plain", "title": "plain", "artist": "", "styles": [], "strength": False}
    assert gallery["styles"] == ["wave", "starry", "udnie"]
    assert gallery["strength"] is True


def test_who_watches_over_the_server_is_told(server, make_picture):
    assert (server("/healthz").body, server("/readyz").json["ready"]) == (b"ok", True)
    before = server.count('fastnst_pictures_total{model="plain"}')
    server.stylize(make_picture())
    assert server.count('fastnst_pictures_total{model="plain"}') == before + 1
    assert server.count('fastnst_requests_total{path="/healthz",status="200"}') >= 1
    assert server("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_a_server_that_stops_is_alive_but_not_ready(serving):
    server = serving()
    server.service.draining = True
    assert (server("/healthz").status, server("/readyz").status) == (200, 503)
    server.service.batcher.close()
    assert server("/healthz").detail.startswith("what computes has ended")


def test_made_up_paths_are_counted_as_one(server):
    for path in ("/a", "/b", "/v1/stylize/c"):
        assert server(path).status == 404
    counted = re.findall(r'path="([^"]*)",status="404"', server("/metrics").body.decode())
    assert not {"/a", "/b", "/v1/stylize/c"} & set(counted)
    assert "other" in counted


def test_the_documentation_needs_no_other_address(server):
    page = server("/docs").body.decode()
    assert "POST /v1/stylize" in page
    assert "<code>image</code> (needed)<td>file" in page
    assert "style, content" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.findall("<script|@import|url\\(", page)
    assert "/v1/stylize" in server("/openapi.json").json["paths"]
    assert server("/redoc").status == 404


def test_every_answer_forbids_other_addresses(server):
    for path in ("/", "/docs", "/v1/models", "/nothing"):
        headers = server(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_only_this_machine_is_served_by_default(server):
    assert server("/healthz", host="evil.example").status == 403
    assert server("/healthz", host="evil.example").detail.startswith("this server is for this machine only")
    assert server("/healthz", host=f"localhost:{server.port}").status == 200
    assert server("/healthz", host="[::1]:80").status == 200
    assert server("/healthz", host="[::1").status == 200
    assert {server("/healthz", host=host).status for host in ("[", "", "localhost.evil.example", "1.2.3.4")} == {403}


def test_pages_of_other_addresses_are_not_served(server):
    assert server("/v1/models", origin="https://evil.example").status == 403
    assert server("/v1/models", origin="null").status == 403
    assert server("/v1/models", host="localhost:80", origin="http://localhost:80").status == 200
    proxied = {"x_forwarded_host": "paint.example", "origin": "https://paint.example"}
    assert server("/v1/models", host="localhost", **proxied).status == 200


def test_training_has_to_be_allowed(server):
    answer = server.post("/v1/styles", image=b"")
    assert answer.status == 405


def test_a_token_is_asked_for(serving, make_picture):
    server = serving(token="sésame")
    for path in ("/", "/docs", "/v1/models", "/metrics", "/openapi.json"):
        assert server(path).status == 401
        assert server(path, authorization="Bearer sésam").status == 401
        assert server(path, authorization="Basic s\u00c3\u00a9same").status == 401
    refused = server.stylize(make_picture())
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "a token is needed; send it as Authorization: Bearer TOKEN" in refused.detail
    assert {server(path).status for path in ("/healthz", "/readyz")} == {200}
    server.headers["authorization"] = "Bearer sésame".encode().decode("latin-1")
    assert server.stylize(make_picture()).status == 200
    assert server("/v1/models", host="paint.example").status == 200


def test_a_browser_gets_a_cookie_for_the_token(serving):
    server = serving(token="sesame")
    assert server("/?token=sesam").status == 401
    welcome = server("/?token=sesame")
    assert (welcome.status, welcome.headers["location"]) == (303, "/")
    cookie = welcome.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    assert "sesame" not in cookie
    assert server("/v1/models", cookie=cookie.partition(";")[0]).status == 200
    assert server("/v1/models", cookie="fastnst_token=sesame").status == 401


def test_the_page_is_served_with_all_that_it_reads(serving, models):
    server = serving(models=models)
    assert server("/").body == (PAGE / "index.html").read_bytes()
    assert "javascript" in server("/js/main.js").headers["content-type"]
    site = server("/site.json").json
    assert (site["engine"], site["training"]) == ("server", False)
    assert [model["name"] for model in site["models"]] == ["plain", "gallery"]
    assert site["limits"]["pixels"] == 24_000_000
    for path in ("/thumbnails/gallery/starry.jpg", "/thumbnails/plain.jpg"):
        picture = server(path)
        assert (picture.image.size, picture.headers["content-type"]) == ((160, 160), "image/jpeg")
    assert server("/thumbnails/gallery/wave.jpg").body != picture.body


@pytest.mark.parametrize("path", ["/thumbnails/no.jpg", "/..%2f..%2fetc/passwd", "/thumbnails/..%2f..%2fplain.jpg"])
def test_no_other_file_is_served(serving, path):
    assert serving()(path).status == 404


def test_a_picture_may_not_be_sent_as_a_body_of_its_own(server):
    assert server("/v1/models", "POST", multipart({})).status == 405
