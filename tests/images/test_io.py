import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from fastnst.images import ImageError, open_image, read_image, to_pil, to_tensor, write_image


def encode(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG"} | options)
    return buffer.getvalue()


def test_pixels_become_rgb_in_0_1(make_picture):
    image = make_picture()
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 40, 48)
    assert tensor[0, :, 3, 7].mul(255).round().int().tolist() == list(image.getpixel((7, 3)))
    assert to_pil(tensor).tobytes() == image.tobytes()


def test_values_outside_the_range_are_clamped():
    assert to_pil(torch.tensor([-1.0, 0.5, 2.0]).view(1, 3, 1, 1)).getpixel((0, 0)) == (0, 128, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(make_picture, orientation):
    upright = make_picture(16, 8)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert open_image(encode(stored, exif=exif)).tobytes() == upright.tobytes()


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


def test_first_frame_of_an_animation_is_used(make_picture, caplog):
    frames = [make_picture(seed=i) for i in range(2)]
    read = open_image(encode(frames[0], format="WEBP", lossless=True, save_all=True, append_images=frames[1:]))
    assert np.abs(np.asarray(read).astype(int) - np.asarray(frames[0])).max() <= 2
    assert "animated" in caplog.text


def jpeg() -> bytes:
    return encode(Image.effect_noise((64, 64), 50).convert("RGB"), format="JPEG")


def zip_bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "not a picture"),
        (jpeg()[:900], "truncated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not a picture"),
        (zip_bomb(), "pixels"),
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


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp"])
def test_written_pictures_are_read_again(tmp_path, make_picture, suffix):
    path = tmp_path / "new" / f"out.{suffix}"
    write_image(to_tensor(make_picture()), path)
    assert np.abs(np.asarray(open_image(path)).astype(int) - np.asarray(make_picture())).mean() < 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_failed_write_keeps_the_old_picture(tmp_path, make_picture, monkeypatch):
    path = tmp_path / "out.png"
    write_image(make_picture(seed=1), path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        Path(args[1]).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        write_image(make_picture(seed=2), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_unknown_extension_lists_what_can_be_written(tmp_path, make_picture):
    with pytest.raises(ValueError, match=r"cannot write \.bmp; use .*\.png"):
        write_image(make_picture(), tmp_path / "out.bmp")
