"""Pictures: damaged by chance, with headers that lie, bombs, polyglots, huge blocks, endless animations."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import EXTREMES, damaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LIMIT = 4_000_000
"""Pixels that a command is told to take at most, as a service would; every tenth case leaves it at the default."""

Made = tuple[str, bytes]


def smooth(width: int = 40, height: int = 32, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width * height)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    return image if mode == "RGB" else image.convert("L").convert(mode) if mode in "IF" else image.convert(mode)


def encode(image: Image.Image, fmt: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


@cache
def good() -> dict[str, bytes]:
    """Files of every format and mode that is read."""
    frames = [smooth(24 + i, 20).resize((24, 20)) for i in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 40}
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "Maker", 0x9003: "2026:01:01 00:00:00"})
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.6)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extras = {"exif": exif, "icc_profile": profile}
    deep = Image.fromarray(np.asarray(smooth().convert("L")).astype(np.uint16) * 257)
    return {
        "plain.jpg": encode(smooth(), "JPEG", **extras),
        "progressive.jpg": encode(smooth(), "JPEG", progressive=True),
        "gray.jpg": encode(smooth(mode="L"), "JPEG"),
        "cmyk.jpg": encode(smooth(mode="CMYK"), "JPEG"),
        "plain.png": encode(smooth(), "PNG", **extras),
        "alpha.png": encode(smooth(mode="RGBA"), "PNG"),
        "palette.png": encode(smooth(mode="P"), "PNG", transparency=3),
        "bits.png": encode(smooth(mode="1"), "PNG"),
        "deep.png": encode(deep, "PNG"),
        "deep_color.png": claimed(20, 10, 16, 2, zlib.compress(bytes(10 * (1 + 20 * 6)))),
        "moving.png": encode(frames[0], "PNG", **moving),
        "lossy.webp": encode(smooth(), "WEBP", **extras),
        "lossless.webp": encode(smooth(mode="RGBA"), "WEBP", lossless=True),
        "moving.webp": encode(frames[0], "WEBP", **moving),
        "plain.avif": encode(smooth(), "AVIF"),
        "moving.avif": encode(frames[0], "AVIF", save_all=True, append_images=frames[1:]),
        "plain.bmp": encode(smooth(), "BMP"),
        "palette.bmp": encode(smooth(mode="P"), "BMP"),
        "plain.tif": encode(smooth(), "TIFF", **extras),
        "packed.tif": encode(smooth(), "TIFF", compression="tiff_lzw"),
        "deflate.tif": encode(smooth(), "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": encode(smooth(), "TIFF", compression="jpeg"),
        "fax.tif": encode(smooth(mode="1"), "TIFF", compression="group4"),
        "float.tif": encode(smooth(mode="F"), "TIFF"),
        "cmyk.tif": encode(smooth(mode="CMYK"), "TIFF"),
        "plain.gif": encode(smooth(mode="P"), "GIF"),
        "moving.gif": encode(frames[0], "GIF", **moving),
    }


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claimed(
    width: int, height: int, depth: int, color: int, packed: bytes, before: bytes = b"", lace: int = 0
) -> bytes:
    """A PNG of any header."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, lace)
    return SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


SIZES = (1, 2, 7, 2000, 13_000, 65_535, 65_536, 13_340, 100_000_000, 2**31 - 1, 2**31, 2**32 - 1, 0)


def lying_png(rng: Rng) -> Made:
    width, height = (SIZES[int(rng.integers(len(SIZES)))] for _ in range(2))
    depth, color = int(rng.choice([1, 2, 4, 8, 16])), int(rng.choice([0, 2, 3, 4, 6, 5]))
    palette = (
        chunk(b"PLTE", rng.bytes(int(rng.choice([3, 30, 768, 769, 0])))) if color == 3 or rng.random() < 0.2 else b""
    )
    clear = chunk(b"tRNS", rng.bytes(int(rng.integers(0, 12)))) if rng.random() < 0.3 else b""
    packed = zlib.compress(bytes(int(rng.choice([0, 1, 1000, 10**6]))))
    data = claimed(width, height, depth, color, packed, palette + clear, int(rng.integers(2)))
    return f"PNG claims {width}x{height}, {depth} bit, color {color}", data


def solid_bomb(rng: Rng) -> Made:
    """A whole PNG of one color: a hundred kilobytes, and as many megapixels as the header says."""
    width, height = int(rng.choice([1000, 2000, 9000, 13_340])), int(rng.choice([1000, 2000, 9000]))
    pack, row = zlib.compressobj(9), bytes(1 + width)
    packed = b"".join(pack.compress(row * 100) for _ in range(height // 100)) + pack.flush()
    return f"PNG of one color, {width}x{height}", claimed(width, height // 100 * 100, 8, 0, packed)


def text_bomb(rng: Rng) -> Made:
    bomb = zlib.compress(bytes(int(rng.choice([10**6, 2 * 10**7, 10**8]))), 9)
    before = one_of(
        rng,
        chunk(b"zTXt", b"fastnst\0\0" + bomb),
        chunk(b"iTXt", b"fastnst\0\1\0\0\0" + bomb),
        chunk(b"iCCP", b"profile\0\0" + bomb),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb),
        chunk(b"tEXt", b"fastnst\0" + b"x" * 3_000_000),
        b"".join(chunk(b"tEXt", b"k%d\0" % i + b"v" * 100) for i in range(20_000)),
    )
    return "PNG with a text that unpacks to megabytes", _with_chunks(good()["plain.png"], before)


def _with_chunks(png: bytes, before: bytes) -> bytes:
    return png[:33] + before + png[33:]


def broken_chunk(rng: Rng) -> Made:
    """Damage a chunk of a PNG and mend its checksum, so that it is read."""
    names = [name for name in good() if name.endswith(".png")]
    name = names[int(rng.integers(len(names)))]
    data, place, chunks = good()[name], 8, []
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    number = int(rng.integers(len(chunks)))
    kind, body = chunks[number]
    how, body = damaged(body, rng) if body else ("filled", rng.bytes(50))
    chunks[number] = kind, body
    if rng.random() < 0.2:
        chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[int(rng.integers(len(chunks)))])
    what = f"{name}: {kind.decode('latin-1')} {how}, checksum right"
    return what, SIGNATURE + b"".join(chunk(*one) for one in chunks)


def lying_gif(rng: Rng) -> Made:
    width, height = (int(rng.choice([0, 1, 40, 65_535])) for _ in range(2))
    screen = struct.pack("<HHBBB", width, height, int(rng.choice([0, 0x80, 0xF7, 0x91])), int(rng.integers(256)), 0)
    table = rng.bytes(3 * 2 ** ((screen[4] & 7) + 1)) if screen[4] & 0x80 else b""
    place = struct.pack(
        "<HHHHB", *(int(rng.choice([0, 1, 20, 30_000, 65_535])) for _ in range(4)), int(rng.integers(256))
    )
    body = bytes([int(rng.choice([2, 8, 11, 12, 200]))]) + b"\x08" + rng.bytes(8) + b"\0"
    return f"GIF claims {width}x{height}", b"GIF89a" + screen + table + b"," + place + body * int(
        rng.integers(1, 4)
    ) + b";"


def lying_bmp(rng: Rng) -> Made:
    data = bytearray(good()[str(one_of(rng, "plain.bmp", "palette.bmp"))])
    for place in rng.choice([10, 14, 18, 22, 28, 30, 34, 46], int(rng.integers(1, 3)), replace=False):
        value = int(rng.choice([*EXTREMES, 24, 32, 40, 52, 13_000, 2**32 - 40]))
        size = 2 if place == 28 else 4
        data[place : place + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    return "BMP whose header lies", bytes(data)


def lying_jpeg(rng: Rng) -> Made:
    data = bytearray(good()[str(one_of(rng, "plain.jpg", "progressive.jpg", "cmyk.jpg"))])
    frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    height, width = (int(rng.choice([0, 1, 40, 13_000, 65_500, 65_535])) for _ in range(2))
    struct.pack_into(">HH", data, frame + 5, height, width)
    if rng.random() < 0.3:
        data[frame + 9] = int(rng.choice([0, 1, 2, 4, 5, 255]))
    return f"JPEG claims {width}x{height}", bytes(data)


def many_scans(rng: Rng) -> Made:
    """A progressive JPEG whose last scan is repeated thousands of times over a large picture."""
    side = int(rng.choice([500, 1900]))
    data = encode(Image.new("RGB", (side, side), (9, 90, 200)), "JPEG", progressive=True)
    scan = data[data.rfind(b"\xff\xda") : -2]
    return f"JPEG of {side}x{side} with thousands of scans", data[:-2] + scan * int(
        rng.choice([500, 4000])
    ) + b"\xff\xd9"


def lying_box(rng: Rng) -> Made:
    """Change what an AVIF or a WebP says of its size, or of the boxes in it."""
    name = str(one_of(rng, "plain.avif", "moving.avif", "lossy.webp", "moving.webp", "lossless.webp"))
    data = bytearray(good()[name])
    marks = [
        m
        for m in (b"ispe", b"iloc", b"stsz", b"stco", b"mdhd", b"VP8X", b"ANMF", b"VP8L", b"VP8 ", b"RIFF")
        if m in data
    ]
    mark = marks[int(rng.integers(len(marks)))]
    place = data.find(mark) + int(rng.choice([-4, 4, 8, 12]))
    value = EXTREMES[int(rng.integers(len(EXTREMES)))]
    data[max(0, place) : max(0, place) + 4] = value.to_bytes(4, one_of(rng, "big", "little"))  # type: ignore[arg-type]
    return f"{name}: {mark.decode()} lies", bytes(data)


def lying_tiff(rng: Rng) -> Made:
    """Change entries of the directory of a TIFF."""
    names = [name for name in good() if name.endswith(".tif")]
    name = names[int(rng.integers(len(names)))]
    data = bytearray(good()[name])
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    changed = []
    for entry in rng.integers(0, count, int(rng.integers(1, 4))):
        place = start + 2 + 12 * int(entry)
        changed.append(struct.unpack_from("<H", data, place)[0])
        part = int(rng.choice([0, 2, 4, 8, 8, 8]))
        value = int(rng.choice([*EXTREMES, start, 13_000, 3, 4, 32_773]))
        size = 2 if part < 4 else 4
        data[place + part : place + part + size] = (value % 2 ** (8 * size)).to_bytes(size, "little")
    if rng.random() < 0.2:
        struct.pack_into(
            "<I", data, min(start + 2 + 12 * count, len(data) - 4), start
        )  # the next directory is this one
    return f"{name}: tags {changed} lie", bytes(data)


def huge_profile(rng: Rng) -> Made:
    """A color profile of megabytes, or one whose tags lie."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    how = int(rng.integers(4))
    if how == 0:
        profile += bytes(int(rng.choice([10**5, 9 * 10**5, 3 * 10**6])))
    elif how == 1:
        for entry in rng.integers(0, 9, 3):
            place = 132 + 12 * int(entry) + int(rng.choice([4, 8]))
            profile[place : place + 4] = EXTREMES[int(rng.integers(len(EXTREMES)))].to_bytes(4, "big")
    elif how == 2:
        profile[128:132] = EXTREMES[int(rng.integers(len(EXTREMES)))].to_bytes(4, "big")
    else:
        profile = bytearray(damaged(bytes(profile), rng)[1]) or profile
    fmt, options = ("JPEG", {}) if rng.random() < 0.4 else ("PNG", {})
    if fmt == "PNG" and rng.random() < 0.4:
        packed = zlib.compress(rng.bytes(10 * (1 + 20 * 6)))
        packed = zlib.compress(bytes(10 * (1 + 20 * 6)))
        return "16-bit PNG with a bad profile", claimed(
            20, 10, 16, 2, packed, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(profile)))
        )
    return f"{fmt} with a bad or huge profile", encode(smooth(), fmt, icc_profile=bytes(profile), **options)


def huge_exif(rng: Rng) -> Made:
    """An EXIF block of megabytes, or one whose directories lie or run in circles."""
    head = b"Exif\0\0"
    how = int(rng.integers(4))
    if how == 0:
        block = b"MM\0*\0\0\0\x08" + rng.bytes(60_000)
    elif how == 1:
        entries = b"".join(
            struct.pack(
                ">HHII",
                int(rng.choice([0x0112, 0x8769, 0x8825, 0x010E, 0xA005])),
                int(rng.integers(0, 14)),
                EXTREMES[int(rng.integers(9))],
                int(rng.choice([8, 0, 2**31, 26])),
            )
            for _ in range(20)
        )
        block = b"MM\0*\0\0\0\x08" + struct.pack(">H", 20) + entries + struct.pack(">I", 8)
    elif how == 2:
        block = b"MM\0*\0\0\0\x08" + struct.pack(">H", 65_535) + struct.pack(">HHII", 0x010E, 2, 12, 26) * 5000
    else:
        block = rng.bytes(int(rng.integers(1, 60_000)))
    if rng.random() < 0.5:
        return "PNG with a bad EXIF", _with_chunks(
            encode(smooth(), "PNG"), chunk(b"eXIf", block * int(rng.choice([1, 50])))
        )
    body = head + block[:65_000]
    jpeg = encode(smooth(), "JPEG")
    return "JPEG with a bad EXIF", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def polyglot(rng: Rng) -> Made:
    """A file that is two things, or another thing than its name says."""
    png, page = good()["plain.png"], b"<html><script>alert(1)</script></html>"
    zip_ = b"PK\x03\x04" + bytes(200) + b"PK\x05\x06" + bytes(18)
    choices = {
        "picture, then a page": png + page,
        "picture, then a zip": good()["plain.jpg"] + zip_,
        "page, then a picture": page + png,
        "zip, then a picture": zip_ + png,
        "GIF that is a script": b"GIF89a/*" + good()["plain.gif"][8:] + b"*/=1;alert(1)",
        "BMP that is a script": b"BM/*" + good()["plain.bmp"][4:] + b"*/",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%BeginPreview\n(%pipe%id) (w) file\n",
        "PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
        "SVG": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        "FITS": b"SIMPLE  =                    T" + b" " * 2850,
        "icon": b"\0\0\1\0\1\0\x20\x20\0\0\1\0\x20\0" + bytes(4000),
        "Photoshop": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3) + bytes(100),
        "empty": b"",
        "one byte": b"\xff",
        "two pictures": png + good()["plain.jpg"],
        "text": b"not found\n" * 100,
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + rng.bytes(100),
    }
    name = list(choices)[int(rng.integers(len(choices)))]
    return name, choices[name]


def beginning(rng: Rng) -> Made:
    name = list(good())[int(rng.integers(len(good())))]
    return f"{name}: the first bytes only", good()[name][: int(rng.integers(1, 60))]


def endless_gif(rng: Rng) -> Made:
    count, side = int(rng.choice([300, 10_000])), int(rng.choice([1, 3, 60]))
    whole = encode(smooth(side, side, "P"), "GIF")
    colors = 3 * 2 ** ((whole[10] & 7) + 1)
    head, body = whole[: 13 + colors], whole[13 + colors :].rstrip(b";")
    return f"GIF of {count} frames, {side}x{side}", head + body * count + b";"


def endless_png(rng: Rng) -> Made:
    """An animated PNG of thousands of frames, or one whose count or places of frames lie."""
    count, side = int(rng.choice([300, 10_000])), int(rng.choice([1, 40]))
    packed = zlib.compress(bytes(side * (1 + side)))
    told = int(rng.choice([count, count, 2**31 - 1, 1, 0]))
    wide = int(rng.choice([side, side, 65_535]))
    parts = [chunk(b"acTL", struct.pack(">II", told, 0))]
    for i in range(count):
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * i, wide, side, 0, 0, 1, 10, 0, 0)))
        parts.append(chunk(b"fdAT", struct.pack(">I", 2 * i + 1) + packed) if i else chunk(b"IDAT", packed))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return f"APNG of {count} frames, says {told}", SIGNATURE + header + b"".join(parts) + chunk(b"IEND", b"")


def endless_webp(rng: Rng) -> Made:
    count = int(rng.choice([300, 10_000]))
    data = good()["moving.webp"]
    first = data.find(b"ANMF")
    (size,) = struct.unpack_from("<I", data, first + 4)
    frame = data[first : first + 8 + size + size % 2]
    body = data[12:first] + frame * count
    return f"WebP of {count} frames", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def strip(rng: Rng) -> Made:
    long = int(rng.choice([5000, 60_000, 200_000]))
    size = (long, 1) if rng.random() < 0.5 else (1, long)
    return f"PNG of {size[0]}x{size[1]}", encode(Image.new("L", size, 128), "PNG")


def by_chance(rng: Rng) -> Made:
    name = list(good())[int(rng.integers(len(good())))]
    how, data = damaged(good()[name], rng)
    return f"{name}: {how}", data


SPECIAL: tuple[Callable[[Rng], Made], ...] = (
    *(lying_png, lying_png, solid_bomb, text_bomb, broken_chunk, broken_chunk, lying_gif, lying_bmp, lying_jpeg),
    *(many_scans, lying_box, lying_box, lying_tiff, lying_tiff, lying_tiff, huge_profile, huge_profile, huge_exif),
    *(huge_exif, polyglot, polyglot, beginning, endless_gif, endless_png, endless_webp, strip),
)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad picture, and choose what it is used for."""
    special = SPECIAL[int(rng.integers(len(SPECIAL)))] if rng.random() < 0.6 else by_chance
    what, data = special(rng)
    name = f"bad{one_of(rng, '.png', '.jpg', '.webp', '.tif', '.gif', '.bmp', '.avif')}"
    limit = () if special is lying_png and rng.random() < 0.5 else ("--max_pixels", str(LIMIT))
    paint = (
        "stylize",
        "{file}",
        "--model",
        str(ground.model),
        "--quiet",
        "--memory",
        "400MB",
        *limit,
        "--out",
        "{out}",
    )
    chance = rng.random()
    if chance < 0.45:
        return Case(what, name, data, paint, "painted.png")
    if chance < 0.75:
        return Case(what, name, data, paint, f"painted{one_of(rng, '.jpg', '.gif', '.webp', '.tif')}")
    if chance < 0.85:
        return Case(what, name, data, (*paint, "--salvage"), "painted.png")
    if chance < 0.92:
        return Case(f"{what} (info)", name, data, ("info", "{file}", "--json"))
    good_paint = ("stylize", str(ground.photo), "--quiet", "--out", "{out}")
    if chance < 0.96:
        words = (*good_paint, "--model", str(ground.gallery), "--style", "{file}")
        return Case(f"{what} (style)", name, data, words, "painted.png")
    words = (*good_paint, "--model", str(ground.model), "--mask", "{file}")
    return Case(f"{what} (mask)", name, data, words, "painted.png")
