import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence

from fastnst.images import ImageError, Picture, encode_pictures, read_note, read_pictures, write_pictures
from fastnst.images.profiles import _curve, read_shaper
from fastnst.images.salvage import SIGNATURE, chunk

RNG = np.random.default_rng(0)


def encode(image: Image.Image, fmt: str = "PNG", **options) -> bytes:
    data = io.BytesIO()
    image.save(data, fmt, **options)
    return data.getvalue()


def encoded(pictures, fmt="PNG", **options) -> bytes:
    data = io.BytesIO()
    encode_pictures(data, pictures, fmt, **options)
    return data.getvalue()


def deep_png(values: np.ndarray, color: int, *others: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 bits, written without fastnst; ``color`` is the color type."""
    rows = values.astype(">u2").reshape(len(values), -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, color, 0, 0, 0)
    chunks = [(b"IHDR", header), *others, (b"IDAT", packed), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 65536, shape, dtype=np.uint16)


def wide_gamut() -> bytes:
    """A profile with the primaries of Display P3 and sRGB's curve, made of Pillow's sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for place in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name, start, _ = struct.unpack_from(">4sII", profile, place)
        if name in primaries:
            profile[start + 8 : start + 20] = struct.pack(">3i", *(round(65536 * x) for x in primaries[name]))
    return bytes(profile)


@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_every_png_of_sixteen_bits_keeps_its_values(color, channels):
    values = noise(5, 7, channels)
    (picture,) = read_pictures(deep_png(values, color))
    colors = values[..., : channels - 1 if channels in (2, 4) else channels]
    np.testing.assert_array_equal(picture.values, np.broadcast_to(colors, (5, 7, 3)))
    if channels in (2, 4):
        np.testing.assert_array_equal(picture.alpha, values[..., -1])
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("packed", [False, True])
def test_every_tiff_of_sixteen_bits_keeps_its_values(order, channels, packed):
    tifffile = pytest.importorskip("tifffile", reason="tifffile writes the files to read")
    values, data = noise(9, 4, channels), io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    options = {"compression": "zlib", "predictor": True} if packed else {}
    tifffile.imwrite(data, values, photometric="rgb", byteorder=order, **extra, **options)
    (picture,) = read_pictures(data.getvalue())
    np.testing.assert_array_equal(picture.values, values[..., :3])


def test_a_tiff_of_separate_planes_is_refused():
    tifffile = pytest.importorskip("tifffile", reason="tifffile writes the file to read")
    data = io.BytesIO()
    tifffile.imwrite(data, noise(3, 9, 4), photometric="rgb", planarconfig="separate")
    with pytest.raises(ImageError, match=r"a\.tif: .* store them interleaved"):
        read_pictures(data.getvalue(), "a.tif")


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (700, 900)])
@pytest.mark.parametrize("transparent", [False, True])
def test_sixteen_bits_are_written_and_read(fmt, shape, transparent):
    picture = Picture(noise(*shape, 3), noise(*shape) if transparent else None)
    (again,) = read_pictures(encoded([picture], fmt))
    np.testing.assert_array_equal(again.values, picture.values)
    if transparent:
        np.testing.assert_array_equal(again.alpha, picture.alpha)


def test_other_programs_read_sixteen_bits():
    tifffile = pytest.importorskip("tifffile", reason="tifffile is the other program")
    picture = Picture(noise(70, 90, 3))
    read = tifffile.TiffFile(io.BytesIO(encoded([picture], "TIFF"))).pages[0]
    assert (read.shape, read.dtype, read.compression.name) == ((70, 90, 3), np.uint16, "ADOBE_DEFLATE")
    upper = np.asarray(Image.open(io.BytesIO(encoded([picture], "PNG"))))
    np.testing.assert_array_equal(upper, picture.values >> 8)


def test_sixteen_bits_become_eight_where_a_format_holds_no_more():
    picture = Picture(np.array([[[0, 32896, 65535]]], np.uint16))
    (again,) = read_pictures(encoded([picture], "JPEG"))
    assert np.abs(again.values.astype(int) - [0, 128, 255]).max() <= 3


def test_a_color_that_means_nothing_is_transparent_in_sixteen_bits():
    values = np.array([[[1000, 2000, 3000], [1000, 2000, 3001]]], np.uint16)
    (picture,) = read_pictures(deep_png(values, 2, (b"tRNS", struct.pack(">3H", 1000, 2000, 3000))))
    assert picture.alpha.tolist() == [[0, 65535]]
    (picture,) = read_pictures(deep_png(values[..., :1], 0, (b"tRNS", struct.pack(">H", 1000))))
    assert picture.alpha.tolist() == [[0, 0]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_orientation_is_applied_and_reset(make_picture, orientation, deep):
    upright = np.asarray(make_picture(16, 8))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = Image.fromarray(upright)
    stored = image.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    if deep:
        block = exif.tobytes().removeprefix(b"Exif\0\0")
        data = deep_png(np.asarray(stored).astype(np.uint16) * 257, 2, (b"eXIf", block))
    else:
        data = encode(stored, exif=exif)
    (picture,) = read_pictures(data)
    np.testing.assert_array_equal(picture.values, upright.astype(np.uint16) * 257 if deep else upright)
    assert Image.open(io.BytesIO(encoded([picture]))).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_alpha_is_kept_in_every_mode(mode, make_picture):
    image = make_picture().convert("RGB")
    if mode == "P":
        image = image.quantize(16)
        data = encode(image, transparency=3)
        wanted = np.where(np.asarray(image) == 3, 0, 255)
    else:
        wanted = RNG.integers(0, 256, (40, 48), dtype=np.uint8)
        image.putalpha(Image.fromarray(wanted))
        data = encode(image.convert("LA") if mode == "LA" else image)
    (picture,) = read_pictures(data)
    np.testing.assert_array_equal(picture.alpha, wanted)
    (again,) = read_pictures(encoded([picture]))
    np.testing.assert_array_equal(again.alpha, wanted)


def test_an_opaque_picture_has_no_alpha(make_picture):
    assert read_pictures(encode(make_picture().convert("RGBA")))[0].alpha is None


def test_transparency_is_flattened_for_a_jpeg_with_a_note(tmp_path, caplog):
    clear = Picture(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))
    write_pictures([clear], tmp_path / "a.jpg")
    assert read_pictures(tmp_path / "a.jpg")[0].values.min() >= 254
    assert "a.jpg: JPEG holds no transparency; it is flattened onto white" in caplog.text


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_a_profile_is_converted_from_and_to_and_embedded(deep, fmt):
    profile = wide_gamut()
    stored = np.full((4, 4, 3), (120, 160, 100), np.uint8)
    values = stored.astype(np.uint16) * 257
    data = encode(Image.fromarray(stored), icc_profile=profile)
    if deep:
        data = deep_png(values, 2, (b"iCCP", b"p\0\0" + zlib.compress(profile)))
    (picture,) = read_pictures(data)
    srgb = picture.values[0, 0].astype(int) // (257 if deep else 1)
    assert srgb[0] < 118
    assert srgb[1] > 160
    written = encoded([picture], fmt)
    again = Image.open(io.BytesIO(written))
    assert again.info["icc_profile"] == profile
    assert np.abs(np.asarray(again).astype(int) - stored).max() <= 1
    (back,) = read_pictures(written)
    assert np.abs(back.values.astype(int) - picture.values).max() <= (16 if deep else 2)


def test_sixteen_bits_are_converted_as_eight_bits_are():
    profile = wide_gamut()
    shallow = RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    eight = read_pictures(encode(Image.fromarray(shallow), icc_profile=profile))[0].values
    icc = (b"iCCP", b"p\0\0" + zlib.compress(profile))
    sixteen = read_pictures(deep_png(shallow.astype(np.uint16) * 257, 2, icc))[0].values
    assert np.abs(sixteen / 257 - eight).max() < 1.1


def test_curves_of_every_kind_are_read():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shaper = read_shaper(profile)
    np.testing.assert_allclose(shaper.curves[[0, -1]], [[0] * 3, [1] * 3], atol=1e-3)
    middle = np.interp(0.5, np.linspace(0, 1, len(shaper.curves)), shaper.curves[:, 0])
    assert middle == pytest.approx(0.2140, abs=1e-3)
    np.testing.assert_allclose(shaper.matrix.sum(0), [0.9642, 1, 0.8249], atol=2e-3)


def curve(kind: int, *numbers: float) -> bytes:
    return struct.pack(">4sIHH", b"para", 0, kind, 0) + struct.pack(
        f">{len(numbers)}i", *(round(65536 * x) for x in numbers)
    )


@pytest.mark.parametrize(
    ("data", "half"),
    [
        (curve(0, 2), 0.25),
        (curve(1, 2, 0.5, 0.25), 0.25),
        (curve(2, 2, 0.5, 0.25, 0.1), 0.35),
        (curve(3, 2, 0.5, 0.25, 0.5, 0.6), 0.25),
        (curve(4, 2, 0.5, 0.25, 0.5, 0.6, 0.1, 0.05), 0.3),
        (struct.pack(">4sII", b"curv", 0, 0), 0.5),
        (struct.pack(">4sIIH", b"curv", 0, 1, 512), 0.25),
        (struct.pack(">4sII3H", b"curv", 0, 3, 0, 10000, 65535), 10000 / 65535),
    ],
)
def test_a_curve_is_the_function_of_its_standard(data, half):
    """At one half; ICC.1:2022, tables 68 and 35."""
    x = np.linspace(0, 1, 4096)
    assert np.interp(0.5, x, _curve(data)) == pytest.approx(half, abs=1e-3)


def test_a_gray_picture_with_a_profile_for_rgb_is_converted_without_a_word(make_picture, caplog):
    values = np.asarray(make_picture().convert("L"))
    for data in (
        encode(Image.fromarray(values), icc_profile=wide_gamut()),
        deep_png(values[..., None].astype(np.uint16) * 257, 0, (b"iCCP", b"p\0\0" + zlib.compress(wide_gamut()))),
    ):
        (picture,) = read_pictures(data)
        scale = 257 if picture.values.dtype == np.uint16 else 1
        assert np.abs(picture.values[..., 0] / scale - values).max() < 1.5
        assert picture.profile is None
    assert not caplog.records


def test_gray_and_cmyk_are_written_as_srgb(make_picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for image, fmt in ((make_picture().convert("L"), "PNG"), (make_picture().convert("CMYK"), "JPEG")):
        assert read_pictures(encode(image, fmt, icc_profile=profile))[0].profile is None


def photograph(make_picture) -> Image.Image:
    image = make_picture()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x9C9B] = "Maker", 6, b"T\0"
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05", 0xA002: 48, 0xA003: 40, 0x927C: b"secret"}
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.0)}
    image.info["exif"] = exif.tobytes()
    return image


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_exif_goes_along_and_the_place_only_if_asked(fmt, deep, kept, make_picture):
    image = photograph(make_picture)
    (picture,) = read_pictures(encode(image, "JPEG", exif=image.info["exif"], xmp=XMP))
    if deep:
        picture = Picture(picture.values.astype(np.uint16) * 257, exif=picture.exif, xmp=picture.xmp)
    note = {"fastnst": "1", "x": "ü"}
    data = encoded([picture], fmt, note=note, keep_metadata=kept)
    again = Image.open(io.BytesIO(data))
    assert again.size == (40, 48)
    exif = again.getexif()
    details = exif.get_ifd(0x8769)
    assert (exif[0x010F], exif[0x0112], details[0x9003]) == ("Maker", 1, "2020:01:02 03:04:05")
    assert (details[0xA002], details[0xA003]) == (40, 48)
    assert bool(exif.get_ifd(0x8825)) == (0x927C in details) == kept
    xmp = again.info.get("xmp") or b""
    assert (xmp if isinstance(xmp, bytes) else xmp.encode()) == (XMP.replace(b"6", b"1") if kept else b"")
    assert read_note(data) == note
    (twice,) = read_pictures(data)
    assert Image.open(io.BytesIO(encoded([twice], "JPEG"))).getexif()[0x010F] == "Maker"


def test_xmp_that_a_jpeg_cannot_hold_is_left_out(make_picture):
    image = photograph(make_picture)
    (picture,) = read_pictures(encode(image, "PNG"))
    long = Picture(picture.values, xmp=XMP + b" " * 70_000)
    assert "xmp" not in Image.open(io.BytesIO(encoded([long], "JPEG", keep_metadata=True))).info
    assert len(Image.open(io.BytesIO(encoded([long], "WEBP", keep_metadata=True))).info["xmp"]) > 70_000


def test_a_description_of_the_photographer_stays(make_picture):
    exif = Image.Exif()
    exif[0x010E] = "Grandma at the sea"
    (picture,) = read_pictures(encode(make_picture(), "JPEG", exif=exif))
    for fmt in ("JPEG", "WEBP", "TIFF", "PNG"):
        data = encoded([picture], fmt, note={"fastnst": "1"})
        assert Image.open(io.BytesIO(data)).getexif()[0x010E] == "Grandma at the sea"
        assert read_note(data) == {"fastnst": "1"}


def test_exif_that_does_not_fit_is_left_out_and_the_note_stays(make_picture):
    exif = Image.Exif()
    exif[0x8769] = {0x927C: bytes(70000)}
    picture = Picture(np.asarray(make_picture()), exif=exif.tobytes())
    data = encoded([picture], "JPEG", note={"fastnst": "1"}, keep_metadata=True)
    assert read_note(data) == {"fastnst": "1"}
    assert not Image.open(io.BytesIO(data)).getexif().get_ifd(0x8769)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_left_out(make_picture):
    for block in (b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01"):
        (picture,) = read_pictures(encode(make_picture(), "JPEG", exif=block))
        assert read_pictures(encoded([picture], "JPEG"))[0].size == (40, 48)


def moving(make_picture, fmt: str, transparent: bool = False, **options) -> bytes:
    frames = [make_picture(32, 24, seed=i) for i in range(4)]
    if transparent:
        for number, frame in enumerate(frames):
            mask = np.full((24, 32), 255, np.uint8)
            mask[:, : 8 * number] = 0
            frame.putalpha(Image.fromarray(mask))
    return encode(frames[0], fmt, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("to", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("fmt", ["GIF", "WEBP", "PNG"])
def test_animations_keep_frames_times_and_loops(make_picture, fmt, to, transparent):
    times, loop = [100, 200, 300, 70], {"GIF": 2, "WEBP": 3, "PNG": 3}
    disposal = {"disposal": 2} if fmt == "GIF" and transparent else {}
    data = moving(make_picture, fmt, transparent, duration=times, loop=loop[fmt], **disposal)
    pictures = read_pictures(data)
    assert [picture.duration for picture in pictures] == times
    assert {picture.plays for picture in pictures} == {3}
    again = read_pictures(encoded(pictures, to, note={"fastnst": "1"}))
    assert [picture.duration for picture in again] == times
    assert {picture.plays for picture in again} == {3}
    for before, after in zip(pictures, again, strict=True):
        if transparent and before.alpha is not None:
            np.testing.assert_array_equal(after.alpha >= 128, before.alpha >= 128)
        seen = slice(None) if before.alpha is None else before.alpha >= 128
        assert np.abs(before.values.astype(int) - after.values)[seen].mean() < 9


def test_what_does_not_move_does_not_change_in_a_gif():
    still = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    frames = []
    for number in range(4):
        frame = still.copy()
        frame[10:20, 8 * number : 8 * number + 8] = (250, 200, 20)
        frames.append(Picture(frame, duration=40))
    again = read_pictures(encoded(frames, "GIF"))
    for other in again[1:]:
        np.testing.assert_array_equal(other.values[20:], again[0].values[20:])


def test_a_gif_without_a_loop_is_shown_once(make_picture):
    pictures = read_pictures(moving(make_picture, "GIF", duration=50))
    assert pictures[0].plays == 1
    assert "loop" not in Image.open(io.BytesIO(encoded(pictures, "GIF"))).info
    assert Image.open(io.BytesIO(encoded(pictures, "PNG"))).info["loop"] == 1


def test_the_picture_before_an_animated_png_is_no_frame(make_picture):
    data = moving(make_picture, "PNG", duration=100, default_image=True)
    assert len(read_pictures(data)) == 3


def test_a_still_format_gets_the_first_frame_with_a_note(make_picture, tmp_path, caplog):
    pictures = read_pictures(moving(make_picture, "GIF", duration=50))
    write_pictures(pictures, tmp_path / "a.jpg")
    assert "a.jpg: JPEG holds no animation; the first frame is written" in caplog.text
    assert len(read_pictures(moving(make_picture, "GIF", duration=50), "b.gif", still=True)) == 1
    assert "b.gif: animated; the first frame is used" in caplog.text


def test_pages_and_further_views_are_no_animation(make_picture, caplog):
    pages = [make_picture(seed=i) for i in range(3)]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert len(read_pictures(data)) == len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) - 2 == 1
    assert not caplog.records


def test_a_side_beyond_a_format_is_refused():
    with pytest.raises(ValueError, match=r"a\.webp: 1x20000 is too large, WEBP holds 16383 a side; write a \.png"):
        encoded([Picture(np.zeros((1, 20000, 3), np.uint8))], "WEBP", name="a.webp")


def test_more_pixels_are_read_if_allowed():
    data = encode(Image.new("L", (40, 30)))
    with pytest.raises(ImageError, match=r"40x30 is more than 0\.001 megapixels; .* allow more by --max_pixels"):
        read_pictures(data, max_pixels=1000)
    assert read_pictures(data, max_pixels=1200)[0].size == (30, 40)


def test_all_frames_together_count(make_picture):
    data = moving(make_picture, "GIF", duration=50)
    with pytest.raises(ImageError, match=r"32x24 in 4 frames is more than 0\.016 megapixels; .* --max_pixels"):
        read_pictures(data, max_pixels=16_000)
    assert len(read_pictures(data, max_pixels=4 * 4096)) == 4  # a small frame counts for 4,096 pixels
    assert len(read_pictures(data, still=True, max_pixels=1000)) == 1
