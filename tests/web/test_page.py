"""The page in a real browser paints what ``fastnst stylize`` does, and takes whatever visitors do to it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastnst.inference import load


def photograph(width: int, height: int, grain: int = 12) -> Image.Image:
    """Soft shapes with some grain, as a camera sees them."""
    rng = np.random.default_rng(3)
    shapes = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((width, height))
    grain = rng.integers(-grain, grain + 1, (64, 64, 1))
    tiled = np.tile(grain, (-(-height // 64), -(-width // 64), 1))[:height, :width]
    return Image.fromarray((np.asarray(shapes, np.int16) + tiled).clip(0, 255).astype(np.uint8))


@cache
def stylizer(file: Path, style: str | None = None, strength: float = 1.0):
    return load(file, "cpu", "float32", "torch", style, strength)


def levels(path: Path, mode: str = "RGB") -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert(mode)).astype(int)


def largest(found: np.ndarray, expected: np.ndarray) -> int:
    return int(np.abs(found - expected.astype(int)).max())


def test_the_download_equals_stylize(visitor, models, tmp_path):
    picture = photograph(333, 251)  # odd sides
    picture.save(tmp_path / "holiday.png")
    visitor.paint(tmp_path / "holiday.png")
    visitor.choose("Waves")
    path = visitor.download("#png", tmp_path)
    assert path.name == "holiday_waves.png"
    assert largest(levels(path), np.asarray(stylizer(models["waves"])(picture))) <= 2
    jpeg = visitor.download("#jpeg", tmp_path)
    assert jpeg.name == "holiday_waves.jpg"
    assert Image.open(jpeg).format == "JPEG"


def test_a_style_of_several_at_less_strength_and_in_a_mix(visitor, models, tmp_path):
    picture = photograph(160, 121)
    picture.save(tmp_path / "a.png")
    visitor.paint(tmp_path / "a.png")
    visitor.choose("Starry")
    visitor.slide("#strength", 60)
    visitor.see("#status", "^Painted")
    path = visitor.download("#png", tmp_path)
    assert path.name == "a_starry_strength60.png"
    assert largest(levels(path), np.asarray(stylizer(models["gallery"], "starry", 0.6)(picture))) <= 2
    visitor.slide("#strength", 100)
    visitor.slide("#shares label:has-text('Udnie') input", 50)
    visitor.see("#status", "^Painted")
    mixed = load(models["gallery"], "cpu", "float32", "torch", {"starry": 2, "udnie": 1})
    assert largest(levels(visitor.download("#png", tmp_path)), np.asarray(mixed(picture))) <= 2
    visitor.choose("Waves")
    assert not visitor.page.is_visible("#strength")


def test_twelve_megapixels_in_tiles_with_progress(visitor, models, tmp_path):
    picture = photograph(4003, 2999, 0)
    picture.save(tmp_path / "large.png", compress_level=1)
    visitor.paint(tmp_path / "large.png")
    visitor.see("#status", "2048 \u00d7 1534")  # quick at first
    visitor.page.get_by_text("4003 \u00d7 2999").click()
    visitor.see("#status", r"^Painting, \d+ %")
    assert 0 < float(visitor.page.locator("#bar").get_attribute("value")) < 1
    visitor.see("#status", "^Painted, 4003 \u00d7 2999")
    expected = stylizer(models["waves"]).paint(np.asarray(picture), statistics="thumbnail")
    found = levels(visitor.download("#png", tmp_path))
    assert found.shape == expected.shape
    assert largest(found, expected) <= 2


def test_painting_is_cancelled_and_begun_again(visitor, tmp_path):
    photograph(3000, 2000, 0).save(tmp_path / "large.jpg")
    visitor.give(tmp_path / "large.jpg")
    visitor.page.get_by_text("3000 \u00d7 2000").click()
    visitor.see("#status", "^Painting")
    visitor.page.get_by_role("button", name="Cancel").click()
    visitor.see("#status", "^Cancelled")
    assert visitor.page.is_disabled("#png")
    visitor.page.get_by_text("1024", exact=True).click()
    visitor.see("#status", "^Painted, 1024 \u00d7 683")


def test_another_style_takes_the_place_of_what_is_being_painted(visitor, models, tmp_path):
    picture = photograph(320, 200)
    picture.save(tmp_path / "a.png")
    visitor.paint(tmp_path / "a.png")
    for title in ("Wave", "Udnie", "Starry"):
        visitor.page.locator("#gallery .title").get_by_text(title, exact=True).click()
    visitor.see("#status", "^Painted")
    expected = np.asarray(stylizer(models["gallery"], "starry")(picture))
    assert largest(levels(visitor.download("#png", tmp_path)), expected) <= 2


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nbroken"], ids=["empty", "text", "torn"])
def test_a_broken_file_is_named_and_the_painting_stays(visitor, tmp_path, data):
    photograph(64, 48).save(tmp_path / "good.png")
    visitor.paint(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(data)
    visitor.give(tmp_path / "broken.png")
    visitor.see("#error", "^Broken.png: this browser cannot read it as a picture$")
    assert visitor.download("#png", tmp_path).name.startswith("good_")
    visitor.paint(tmp_path / "good.png")
    visitor.see("#error", "^$")


def test_a_photograph_is_turned_upright(visitor, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side
    photograph(96, 64).save(tmp_path / "side.jpg", exif=exif)
    visitor.paint(tmp_path / "side.jpg")
    visitor.see("#status", "64 \u00d7 96")


def test_transparency_stays_in_a_png(visitor, tmp_path):
    picture = photograph(80, 60).convert("RGBA")
    alpha = np.tile(np.linspace(0, 255, 80).round().astype(np.uint8), (60, 1))
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "glass.png")
    visitor.paint(tmp_path / "glass.png")
    assert largest(levels(visitor.download("#png", tmp_path), "RGBA")[..., 3], alpha) <= 1
    assert levels(visitor.download("#jpeg", tmp_path))[:, :1].min() > 250


def test_a_picture_is_pasted_and_dropped(visitor):
    script = """async ([kind, property, width]) => {
        const canvas = new OffscreenCanvas(width, 40);
        canvas.getContext("2d").fillRect(0, 0, 20, 20);
        const blob = await canvas.convertToBlob();
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], "given.png", { type: "image/png" }));
        const event = new Event(kind, { bubbles: true, cancelable: true });
        Object.defineProperty(event, property, { value: transfer });
        document.body.dispatchEvent(event);
    }"""
    visitor.page.evaluate(script, ["paste", "clipboardData", 50])
    visitor.see("#status", "^Painted, 50 \u00d7 40")
    visitor.page.evaluate(script, ["drop", "dataTransfer", 70])
    visitor.see("#status", "^Painted, 70 \u00d7 40")


def test_keys_alone_do_it(visitor, tmp_path):
    photograph(64, 48).save(tmp_path / "a.png")
    visitor.paint(tmp_path / "a.png")
    visitor.choose("Waves")
    visitor.page.locator("#gallery :checked").focus()
    visitor.page.keyboard.press("ArrowRight")
    visitor.see("#status", "^Painted")
    visitor.see("#caption", "^Wave$")
    slider = visitor.page.get_by_role("slider", name="Compare")
    slider.focus()
    for _ in range(6):
        visitor.page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "3 % photograph"
    assert visitor.page.is_visible("#tag_before")
    for role, name in [("radio", "Waves"), ("button", "Download PNG"), ("button", "JPEG"), ("slider", "Strength")]:
        assert visitor.page.get_by_role(role, name=name, exact=True).count() == 1
    assert "Painted" in visitor.page.get_by_role("status").first.inner_text()


def test_the_camera_is_painted_and_taken(visitor):
    visitor.page.get_by_role("button", name="Camera").click()
    visitor.see("#status", r"^\d+\.\d frames per second, \d+ \u00d7 \d+$")
    visitor.page.get_by_role("button", name="Take the photograph").click()
    visitor.see("#status", "^Painted")
    assert not visitor.page.is_visible("#shutter")


def test_a_narrow_page_needs_no_scrolling_sideways(visitor):
    visitor.page.set_viewport_size({"width": 340, "height": 700})
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 340
    visitor.page.set_viewport_size({"width": 1280, "height": 720})


def test_the_page_is_isolated_and_says_that_it_keeps_pictures(visitor):
    assert visitor.page.evaluate("crossOriginIsolated")
    assert "stay on this machine" in visitor.page.inner_text("#promise")
    assert visitor.page.locator("#engine").inner_text().startswith("WebAssembly")


def test_a_second_visit_needs_no_network(visit, serve, site, tmp_path):
    host = serve(site)
    guest = visit(host.address)
    guest.arrive()
    guest.see("#offline", "^Works without a network")
    host.stop()
    guest.page.reload()
    guest.see("#engine", ".")
    photograph(64, 48).save(tmp_path / "a.png")
    guest.paint(tmp_path / "a.png")
    guest.choose("Udnie")
    missing = [fault for fault in guest.faults if "ERR_CONNECTION_REFUSED" not in fault]
    assert missing == []


def test_what_a_host_does_not_have_is_named(visit, serve, site, tmp_path):
    guest = visit(serve(site).address)
    guest.context.route("**/sw.js", lambda route: route.fulfill(status=404))
    guest.arrive()
    guest.see("#engine", "1 thread$")
    photograph(64, 48).save(tmp_path / "a.png")
    guest.paint(tmp_path / "a.png")
    guest.context.route("**/models/**", lambda route: route.fulfill(status=404))
    guest.choose("Udnie", painted=False)
    guest.see("#error", r"models/gallery.*\.gz cannot be read \(404\)")
    guest.context.unroute("**/models/**")
    guest.page.get_by_role("button", name="Paint again").click()
    guest.see("#status", "^Painted")


def test_a_site_leaves_room_for_styles_below_fifteen_megabytes(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 13e6
