"""A large picture that is read in strips is what Pillow reads of it at once."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fastnst.images import Picture, encode_pictures, picture, read_pictures, strips
from fastnst.images.decode import ImageError, picture_size
from fastnst.images.encode import LARGE
from fastnst.images.salvage import chunk

HEIGHT, WIDTH = 61, 83


@pytest.fixture(autouse=True)
def _little_is_large(monkeypatch):
    monkeypatch.setattr(picture, "STRIP", 2000)
    monkeypatch.setattr("fastnst.images.tiff.STRIP", 2000)  # of what is written


@pytest.fixture
def at_once(monkeypatch):
    """Read without strips."""

    def read(data):
        with monkeypatch.context() as patch:
            patch.setattr(strips, "LARGE", 2**60)
            return read_pictures(data)[0]

    return read


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(strips, "LARGE", 0)


def photograph():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    values = 128 + 90 * np.stack([np.sin(x / 9 + y / 17), np.cos(x / 13), np.sin(y / 7)], 2)
    return (values + rng.normal(0, 5, values.shape)).clip(0, 255).astype(np.uint8)


def alpha():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.where(y < 40, 255, (x * 3) % 256).astype(np.uint8)


def by_pillow(mode, **options):
    image = Image.fromarray(photograph())
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(alpha()))
    if mode == "LA":
        image = image.convert("LA")
    data = io.BytesIO()
    (image if image.mode == mode else image.convert(mode)).save(data, "PNG", **options)
    return data.getvalue()


def deep(transparent):
    rng = np.random.default_rng(1)
    values = photograph().astype(np.uint16) * 257 + rng.integers(0, 200, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    data = io.BytesIO()
    encode_pictures(data, [Picture(values, alpha().astype(np.uint16) * 257 if transparent else None)])
    return data.getvalue()


def gray_of(bits, color):
    """Gray of 16 bits, with alpha or not, every row behind another filter."""
    channels = {0: 1, 4: 2}[color]
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 256, (HEIGHT, WIDTH * channels * bits // 8), dtype=np.uint8)
    packed = b"".join(bytes([number % 5]) + row.tobytes() for number, row in enumerate(rows))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", header), (b"IDAT", zlib.compress(packed)), (b"IEND", b""))
    )


def turned():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    return by_pillow("RGB", exif=exif)


def by_pillow_tiff(mode="RGB", **options):
    image = Image.fromarray(photograph())
    if mode == "RGBA":
        image.putalpha(Image.fromarray(alpha()))
    data = io.BytesIO()
    image.convert(mode).save(data, "TIFF", **options)
    return data.getvalue()


def our_tiff():
    values = photograph().astype(np.uint16) * 257 - 3
    data = io.BytesIO()
    encode_pictures(data, [Picture(values, alpha().astype(np.uint16) * 257)], "TIFF")
    return data.getvalue()


def other_tiff(**options):
    tifffile = pytest.importorskip("tifffile")
    data = io.BytesIO()
    tifffile.imwrite(data, photograph().astype(np.uint16) * 256 + 5, photometric="rgb", **options)
    return data.getvalue()


TIFFS = {
    "plain, in one strip": lambda: by_pillow_tiff(tiffinfo={278: HEIGHT}),
    "plain": lambda: by_pillow_tiff(tiffinfo={278: 4}),
    "lzw": lambda: by_pillow_tiff(compression="tiff_lzw", tiffinfo={278: 4, 317: 2}),
    "lzw, alpha": lambda: by_pillow_tiff("RGBA", compression="tiff_lzw", tiffinfo={278: 4}),
    "packbits, gray": lambda: by_pillow_tiff("L", compression="packbits", tiffinfo={278: 4}),
    "deflate, palette": lambda: by_pillow_tiff("P", compression="tiff_adobe_deflate", tiffinfo={278: 4}),
    "deflate, ink": lambda: by_pillow_tiff("CMYK", compression="tiff_adobe_deflate", tiffinfo={278: 4}),
    "black and white": lambda: by_pillow_tiff("1", tiffinfo={278: 4}),
    "turned": lambda: by_pillow_tiff(compression="tiff_lzw", tiffinfo={278: 4, 274: 6, 271: "a camera"}),
    "16 bits, alpha": our_tiff,
    "16 bits, big endian": lambda: other_tiff(byteorder=">", rowsperstrip=4),
    "16 bits, tiles": lambda: other_tiff(tile=(16, 32), compression="deflate", predictor=True),
}


FILES = {
    "RGB": lambda: by_pillow("RGB"),
    "RGBA": lambda: by_pillow("RGBA"),
    "L": lambda: by_pillow("L"),
    "LA": lambda: by_pillow("LA"),
    "P": lambda: by_pillow("P"),
    "1": lambda: by_pillow("1"),
    "four bits": lambda: by_pillow("P", bits=4),
    "clear color": lambda: by_pillow("RGB", transparency=(128, 128, 128)),
    "clear places": lambda: by_pillow("P", transparency=bytes(range(256))),
    "16 bits": lambda: deep(False),
    "16 bits, alpha": lambda: deep(True),
    "16 bits, gray": lambda: gray_of(16, 0),
    "16 bits, gray and alpha": lambda: gray_of(16, 4),
    "turned": turned,
}


@pytest.mark.parametrize(("files", "kind"), [*((FILES, kind) for kind in FILES), *((TIFFS, kind) for kind in TIFFS)])
def test_strips_are_the_whole(files, kind, at_once, large, tmp_path):
    data = files[kind]()
    (tmp_path / "a.png").write_bytes(data)
    found, expected = read_pictures(tmp_path / "a.png")[0], at_once(data)
    cut = strips.find_strips(tmp_path / "a.png")
    assert cut is not None
    assert len(list(cut.cut(500))) > 1
    assert found.values.dtype == expected.values.dtype
    assert np.array_equal(found.values, expected.values)
    assert (found.alpha is None) == (expected.alpha is None)
    assert found.alpha is None or np.array_equal(found.alpha, expected.alpha)
    assert (found.profile, found.exif, found.xmp) == (expected.profile, expected.exif, expected.xmp)


def test_a_profile_goes_for_every_strip(at_once, large, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = by_pillow("RGB", icc_profile=profile)
    (tmp_path / "a.png").write_bytes(data)
    found, expected = read_pictures(tmp_path / "a.png")[0], at_once(data)
    assert np.array_equal(found.values, expected.values)
    assert found.profile == expected.profile == profile


def test_what_is_written_in_bands_is_read_by_pillow(monkeypatch, tmp_path):
    monkeypatch.setattr("fastnst.images.encode.LARGE", 0)
    data = io.BytesIO()
    encode_pictures(data, [Picture(photograph(), alpha())], "PNG", {"fastnst": "1"})
    image = Image.open(data)
    assert image.mode == "RGBA"
    assert np.array_equal(np.asarray(image), np.dstack([photograph(), alpha()]))
    assert image.text["fastnst"] == '{"fastnst": "1"}'
    assert LARGE == strips.LARGE


def test_small_animated_interlaced_and_other_files_are_not_cut(tmp_path, monkeypatch):
    frames = [Image.fromarray(photograph()), Image.fromarray(photograph()[::-1])]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    (tmp_path / "small.png").write_bytes(by_pillow("RGB"))
    (tmp_path / "empty.png").write_bytes(b"")
    frames[0].save(tmp_path / "a.jpg")
    assert strips.find_strips(tmp_path / "small.png") is None
    monkeypatch.setattr(strips, "LARGE", 0)
    assert strips.find_strips(tmp_path / "small.png") is not None
    for name in ("moving.png", "empty.png", "a.jpg", "absent.png", ""):
        assert strips.find_strips(tmp_path / name) is None


def test_a_damaged_one_is_one_line_with_the_remedy(large, tmp_path):
    whole, path = by_pillow("RGB"), tmp_path / "a.png"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"a\.png: cannot be read as a picture .*--salvage uses what can be decoded"):
        read_pictures(path)
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 255
    path.write_bytes(changed)
    with pytest.raises(ImageError, match=r"a\.png: cannot be read as a picture .*--salvage uses what can be decoded"):
        read_pictures(path)
    assert read_pictures(path, salvage=True)[0].size == (HEIGHT, WIDTH)


def test_rows_that_are_missing_are_noticed(large, tmp_path):
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(500))), (b"IEND", b""))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    with pytest.raises(ImageError, match="truncated"):
        read_pictures(tmp_path / "a.png")


def test_tiffs_in_one_piece_or_of_fractions_are_not_cut(large, tmp_path):
    floats = Image.fromarray(photograph().mean(2).astype(np.float32))
    for number, save in enumerate(
        (
            lambda path: Image.fromarray(photograph()).save(path, compression="tiff_lzw", tiffinfo={278: HEIGHT}),
            lambda path: floats.save(path, tiffinfo={278: 4}),
            lambda path: path.write_bytes(b"II*\0"),
        )
    ):
        save(tmp_path / f"{number}.tif")
        assert strips.find_strips(tmp_path / f"{number}.tif") is None


def test_a_tiff_that_is_cut_off_is_one_line(large, tmp_path):
    data = our_tiff()
    (tmp_path / "a.tif").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(ImageError, match=r"a\.tif: cannot be read as a picture"):
        read_pictures(tmp_path / "a.tif")


def test_the_limit_on_the_size_holds(large, tmp_path):
    (tmp_path / "a.png").write_bytes(by_pillow("RGB"))
    assert picture_size(tmp_path / "a.png") == (WIDTH, HEIGHT, 1)
    with pytest.raises(ImageError, match=r"a\.png: 83x61 is more than 0\.005 megapixels; reduce it first"):
        read_pictures(tmp_path / "a.png", max_pixels=5000)
