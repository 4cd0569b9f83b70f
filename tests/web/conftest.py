"""A page with two small models, a host for it, and a real browser."""

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.inference import Stylizer, load
from fastnst.networks import build_network
from fastnst.web import runtime, write_site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]
SECONDS = 150
"""How long anything on the page may take where the machine is busy."""


Answer = Callable[[Mapping[str, str], bytes], tuple[int, str, bytes]]
"""From the headers and the body of a request to the status, the type and the body of what is answered."""


class Host:
    """Serves a folder, as simply as hosts do; without a network nobody answers."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, Answer] = {}
        handler = functools.partial(Handler, self.answers, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answer as some functions do, by path, and otherwise with files."""

    def __init__(self, answers: Mapping[str, Answer], *args: object, **kwargs: object) -> None:
        self.answers = answers
        super().__init__(*args, **kwargs)

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path not in self.answers:
            return super().do_GET()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, answer = self.answers[self.path](self.headers, body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815


@pytest.fixture(scope="session")
def models(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by the names that they have on the page: one style, and three in one network."""
    torch.manual_seed(4)
    network = build_network("lite", width=4, blocks=1, detail=4, deep=4, deep_blocks=1)
    path = tmp_path_factory.mktemp("web") / "waves.safetensors"
    save_checkpoint(path, network, Metadata(describe(network)))
    return {"waves": path, "gallery": gallery}


@pytest.fixture(scope="session")
def packed_runtime() -> Path:
    kept = runtime.cache() / f"{runtime.PACKAGE}-{runtime.VERSION}"
    if not kept.is_dir():
        pytest.skip(f"needs {runtime.PACKAGE} in the user's cache, where fastnst web puts it")
    return kept


@pytest.fixture(scope="session")
def stylizers(models: dict[str, Path]) -> dict[str, Stylizer]:
    return {name: load(file, "cpu", "float32", "torch") for name, file in models.items()}


@pytest.fixture(scope="session")
def site(stylizers: dict[str, Stylizer], packed_runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        pytest.skip("needs fastnst[onnx]")
    out = tmp_path_factory.mktemp("web") / "site"
    write_site(stylizers, out, packed_runtime)
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def host(site: Path) -> Iterator[Host]:
    started = Host(site)
    yield started
    started.stop()


class Visitor:
    """Looks at a page, and takes note of whatever a visitor should not see."""

    def __init__(self, browser: object, address: str, **context: object) -> None:
        from playwright.sync_api import expect

        self.expect = expect
        self.address = address
        self.faults: list[str] = []
        self.context = browser.new_context(**context)
        self.context.set_default_timeout(1000 * SECONDS)
        self.page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.context.on("request", self._check)

    def _note(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _check(self, request: object) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.faults.append(f"request: {request.url}")

    def arrive(self) -> None:
        self.page.goto(self.address)
        self.see("#engine", ".")

    def see(self, place: str, text: str) -> None:
        """Wait until a place of the page matches a pattern."""
        self.expect(self.page.locator(place)).to_have_text(re.compile(text), timeout=1000 * SECONDS)

    def give(self, picture: Path) -> None:
        self.page.set_input_files("#file", str(picture))

    def paint(self, picture: Path) -> None:
        self.give(picture)
        self.see("#status", "^Painted")

    def choose(self, title: str, painted: bool = True) -> None:
        self.page.locator("#gallery .title").get_by_text(title, exact=True).click()
        if painted:
            self.see("#status", "^Painted")

    def slide(self, place: str, value: float) -> None:
        """Move a slider, as a hand does."""
        self.page.locator(place).evaluate(
            "(input, value) => { input.value = value; for (const kind of ['input', 'change']) "
            "input.dispatchEvent(new Event(kind, { bubbles: true })); }",
            value,
        )

    def download(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as caught:
            self.page.click(button)
        path = folder / caught.value.suggested_filename
        caught.value.save_as(path)
        return path


@pytest.fixture(scope="session")
def regular(browser: object, host: Host) -> Iterator[Visitor]:
    """A visitor who stays for several tests; arriving takes longest."""
    visitor = Visitor(browser, host.address)
    visitor.arrive()
    yield visitor
    visitor.context.close()


@pytest.fixture
def visitor(regular: Visitor) -> Iterator[Visitor]:
    """The regular visitor, who must not have seen a fault at the end of a test."""
    regular.faults.clear()
    yield regular
    assert regular.faults == []


@pytest.fixture
def visit(browser: object) -> Iterator[Callable[..., Visitor]]:
    """Another visitor, at an address."""
    visitors: list[Visitor] = []

    def new(address: str, **context: object) -> Visitor:
        visitors.append(Visitor(browser, address, **context))
        return visitors[-1]

    yield new
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Host]]:
    """A host of its own, for tests that stop it."""
    hosts: list[Host] = []

    def new(folder: Path) -> Host:
        hosts.append(Host(folder))
        return hosts[-1]

    yield new
    for host in hosts:
        host.stop()
