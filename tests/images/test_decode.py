import contextlib
import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from fastnst.images import ImageError, open_image, read_image, to_srgb, to_tensor
from fastnst.images.decode import FORMATS, MAX_PIXELS, decode


def encode(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG"} | options)
    return buffer.getvalue()


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
@pytest.mark.parametrize("profile", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(make_picture, orientation, profile, fmt):
    upright = make_picture(16, 8)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()} if profile else {}
    read = np.asarray(open_image(encode(stored, format=fmt, exif=exif, **options)))
    assert np.abs(read.astype(int) - np.asarray(upright)).max() <= profile  # a conversion may round


def test_unknown_orientation_is_ignored(make_picture):
    exif = Image.Exif()
    exif[0x0112] = 99
    assert open_image(encode(make_picture(), exif=exif)).size == (48, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_every_mode_becomes_rgb(mode, make_picture):
    gray = make_picture().convert("L")
    source = gray.convert("I").point(lambda v: v * 257).convert(mode) if mode == "I;16" else make_picture()
    source = source if mode == "I;16" else gray.convert(mode) if mode in ("I", "F", "LA") else source.convert(mode)
    fmt = {"CMYK": "TIFF", "F": "TIFF", "I": "TIFF", "YCbCr": "JPEG"}.get(mode, "PNG")
    read = open_image(encode(source, format=fmt))
    assert (read.mode, read.size) == ("RGB", (48, 40))


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    read = np.asarray(open_image(encode(Image.fromarray(values))))
    assert read[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparency_is_flattened_onto_white(caplog):
    read = open_image(encode(Image.new("RGBA", (1, 1), (255, 0, 0, 128))), name="half.png")
    assert read.getpixel((0, 0)) == (255, 127, 127)
    assert "half.png: transparency is flattened onto white" in caplog.text


def test_palette_transparency_is_honored():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putdata([0, 1])
    read = open_image(encode(palette, transparency=1))
    assert [read.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (255, 255, 255)]


def test_icc_profile_is_converted_to_srgb():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"swap", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"swap", b"bXYZ", 1)
    image = Image.new("RGB", (4, 4), (120, 60, 200))
    assert open_image(encode(image, icc_profile=srgb)).getpixel((0, 0)) == (120, 60, 200)
    read = open_image(encode(image, icc_profile=swapped)).getpixel((0, 0))
    assert np.abs(np.subtract(read, (200, 60, 120))).max() <= 2


def test_broken_icc_profile_is_taken_as_srgb(caplog):
    image = Image.new("RGB", (4, 4), (120, 60, 200))
    assert open_image(encode(image, icc_profile=b"no profile")).getpixel((0, 0)) == (120, 60, 200)
    assert "taken as sRGB" in caplog.text


def test_a_broken_icc_profile_is_told_once(caplog, tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(encode(Image.new("RGB", (4, 4)), icc_profile=b"no profile"))
    read_image(path)
    to_tensor(to_srgb(open_image(path)))
    assert [record.message for record in caplog.records] == [
        f"{path}: its color profile cannot be used; taken as sRGB"
    ] * 2


def test_an_image_in_srgb_comes_back_the_same(make_picture):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for options in ({"icc_profile": srgb}, {"transparency": (1, 2, 3)}):
        once = open_image(encode(make_picture(), **options))
        assert not {"icc_profile", "transparency"} & once.info.keys()
        assert to_srgb(once).tobytes() == once.tobytes()


def test_first_frame_of_an_animation_is_used(make_picture, caplog):
    frames = [make_picture(seed=i) for i in range(2)]
    read = open_image(encode(frames[0], format="WEBP", lossless=True, save_all=True, append_images=frames[1:]))
    assert np.abs(np.asarray(read).astype(int) - np.asarray(frames[0])).max() <= 2
    assert "animated" in caplog.text


def jpeg() -> bytes:
    return encode(Image.effect_noise((64, 64), 50).convert("RGB"), format="JPEG")


def claim(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "not a picture"),
        (jpeg()[:900], "truncated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not a picture"),
        (claim(20000, 20000), "20000x20000 is more than 178 megapixels; reduce it first"),
    ],
    ids=["empty", "text", "truncated", "postscript", "bomb"],
)
def test_unusable_files_say_why(data, words, tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=words) as error:
        read_image(path)
    assert "bad.jpg" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        open_image(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="is a folder"):
        open_image(tmp_path)


def test_trailing_garbage_and_wrong_extension_are_accepted(tmp_path, make_picture):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encode(make_picture()) + b"garbage")
    assert read_image(path).shape == (1, 3, 40, 48)


def test_the_limit_is_178_megapixels_and_not_pillows(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(claim(10_000, 10_000)).size == (10_000, 10_000)
        assert decode(claim(MAX_PIXELS, 1)).size == (MAX_PIXELS, 1)
    with pytest.raises(ImageError, match="more than 178 megapixels"):
        decode(claim(MAX_PIXELS + 1, 1))


def test_too_many_pixels_are_refused_before_they_are_decoded(monkeypatch):
    def load(image):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(ImageError, match=r"huge\.png: 13350x13350 is more than 178 megapixels"):
        open_image(claim(13350, 13350), "huge.png")


def test_reading_leaves_what_threads_share_alone(monkeypatch):
    seen, before, load = [], list(warnings.filters), ImageFile.ImageFile.load

    def watched(image):
        seen.append(list(warnings.filters) == before and Image.MAX_IMAGE_PIXELS == 89478485)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    open_image(jpeg())
    assert seen
    assert all(seen)


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_is_read_from_a_path_bytes_and_an_open_file(fmt, tmp_path, make_picture):
    path = tmp_path / "picture"
    path.write_bytes(encode(make_picture(), format=fmt))
    with path.open("rb") as file:
        file.read(10)
        for source in (path, str(path), path.read_bytes(), file, file):
            assert open_image(source).size == (48, 40)


@pytest.mark.parametrize("fmt", FORMATS)
def test_damaged_files_are_read_or_refused_but_never_end_a_run(fmt, make_picture):
    rng, whole = np.random.default_rng(0), encode(make_picture(), format=fmt)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        with contextlib.suppress(ImageError):
            open_image(bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
