"""Measure the page of ``fastnst web`` in a real browser: milliseconds and memory by size, and pictures of the page.

    python scripts/web.py measure --model udnie --sizes 512x512 1920x1080 4000x3000
    python scripts/web.py show photo.jpg --out shots/

Needs the extra ``onnx``, Playwright and Chromium. The number of threads is that of the processors this process may use
(``taskset -c 0,1 python scripts/web.py measure``), unless ``--threads`` says otherwise. Memory is the largest resident
set of the process that draws the page, the runtime and its worker included.
"""

import argparse
import functools
import http.server
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fastnst.assets.samples import draw_landscape
from fastnst.cli import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-precise-memory-info"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
PATIENCE = 600_000
"""Milliseconds that one painting may take."""

PAINTED = re.compile(r"^Painted, .* in ([\d.]+) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "show"))
    parser.add_argument("picture", nargs="?", type=Path, help="for show")
    parser.add_argument("--model", nargs="+", default=["udnie"], help="for measure: bundled styles or trained files")
    parser.add_argument("--sizes", nargs="+", default=["512x512", "1920x1080", "4000x3000"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/web"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        models = options.model if options.what == "measure" else []
        assert run(["web", *models, "--out", f"{folder}/site", "--quiet"]) == 0
        with hosting(Path(folder) / "site") as address:
            if options.what == "measure":
                measure(browser, address, options, Path(folder))
            else:
                show(browser, address, options.picture, options.out)


@contextmanager
def browsing() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def hosting(folder: Path) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def expect(place: Any) -> Any:
    from playwright.sync_api import expect as waiting

    return waiting(place)


def arrive(browser: "Browser", address: str, threads: int | None = None, **settings: Any) -> "Page":
    context = browser.new_context(**settings)
    if threads:
        context.add_init_script(f"Object.defineProperty(navigator, 'hardwareConcurrency', {{ value: {threads} }})")
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#engine")).to_have_text(re.compile("."), timeout=PATIENCE)
    return page


def paint(page: "Page", picture: Path, own_size: str) -> None:
    """Give a picture, and wait until it is painted at its own size."""
    page.set_input_files("#file", str(picture))
    expect(page.locator("#status")).to_have_text(re.compile("^Paint"), timeout=PATIENCE)
    full = page.locator("#choices label").last
    if page.locator("#sizes").is_visible():
        full.click()
    expect(page.locator("#status")).to_have_text(re.compile(f"^Painted, {own_size}"), timeout=PATIENCE)


def measure(browser: "Browser", address: str, options: argparse.Namespace, folder: Path) -> None:
    """Print a line of JSON for every size; the fastest of several paintings counts, after one that is not timed."""
    for size in options.sizes:
        width, height = map(int, size.split("x"))
        draw_landscape(width, height).save(folder / "picture.png", compress_level=1)
        page = arrive(browser, address, options.threads)
        seconds = []
        for _ in range(options.repeat + 1):
            paint(page, folder / "picture.png", f"{width} . {height}")
            found = PAINTED.match(page.inner_text("#status"))
            assert found
            seconds.append(float(page.locator("#after").get_attribute("data-seconds") or found[1]))
        facts = {"model": options.model, "size": size, "engine": page.inner_text("#engine")}
        facts |= {"first_ms": round(1000 * seconds[0]), "ms": round(1000 * min(seconds[1:])), "peak_mb": peak(page)}
        print(json.dumps(facts), flush=True)
        page.context.close()


def peak(page: "Page") -> int:
    """Return the largest resident set of the page's process, MB; Linux."""
    session = page.context.browser.new_browser_cdp_session()  # type: ignore[union-attr]
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = []
    for process in processes:
        if process["type"] == "renderer":
            text = Path(f"/proc/{process['id']}/status").read_text()
            sizes.append(int(re.search(r"VmHWM:\s+(\d+)", text)[1]))  # type: ignore[index]
    return round(max(sizes) / 1024)


def show(browser: "Browser", address: str, picture: Path, out: Path) -> None:
    """Write pictures of the page as visitors see it."""
    out.mkdir(parents=True, exist_ok=True)
    page = arrive(browser, address, viewport={"width": 1360, "height": 860})
    page.screenshot(path=out / "empty.png")
    page.set_input_files("#file", str(picture))
    expect(page.locator("#status")).to_have_text(re.compile("^Painting"), timeout=PATIENCE)
    page.screenshot(path=out / "painting.png")
    painted = re.compile("^Painted")
    expect(page.locator("#status")).to_have_text(painted, timeout=PATIENCE)
    page.get_by_text("The Starry Night").first.click()
    expect(page.locator("#status")).to_have_text(painted, timeout=PATIENCE)
    page.screenshot(path=out / "after.png")
    page.locator("#split").evaluate("(x) => { x.value = 42; x.dispatchEvent(new Event('input')); }")
    time.sleep(0.5)
    page.screenshot(path=out / "compare.png")
    page.emulate_media(color_scheme="dark")
    time.sleep(0.5)
    page.screenshot(path=out / "dark.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    time.sleep(0.5)
    page.screenshot(path=out / "narrow.png")
    page.set_viewport_size({"width": 1360, "height": 860})
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#status")).to_have_text(re.compile("frames per second"), timeout=PATIENCE)
    page.screenshot(path=out / "camera.png")
    for path in sorted(out.glob("*.png")):
        assert np.asarray(Image.open(path)).std() > 1, f"{path} shows nothing"


if __name__ == "__main__":
    main()
