"""Mend broken files so that what is left of them can be decoded.

Pillow has a switch for this, but it is a global variable: in a program of several threads it would make all of them
accept broken files. So the bytes are mended instead.
"""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced PNG: left, top, and the steps to the right and down. Source: PNG, section 8.2."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By the color type of a PNG."""


def can_mend(data: bytes) -> bool:
    """Tell whether something can be done for a broken file."""
    return data.startswith((b"\xff\xd8\xff", SIGNATURE))


def mend(data: bytes) -> bytes:
    """Return a JPEG or PNG that can be decoded as far as it was, gray or black beyond; other files as they are."""
    if data.startswith(b"\xff\xd8\xff"):
        return data + b"\xff\xd9"  # what follows the end of a whole one is ignored
    return _mend_png(data) if data.startswith(SIGNATURE) else data


def _mend_png(data: bytes) -> bytes:
    """Keep the chunks that are whole, and as many rows as can be unpacked."""
    header, others, packed = b"", [], []
    for kind, body, whole in _chunks(data):
        if kind == b"IHDR" and whole:
            header = body
        elif kind == b"IDAT":
            packed.append(body)
        elif whole and not packed and kind not in (b"acTL", b"fcTL"):
            others.append((kind, body))
    if len(header) != 13 or not packed:
        return data
    rows = _unpacked(b"".join(packed), _length(header))
    chunks = [(b"IHDR", header), *others, (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG, with its length and its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> list[tuple[bytes, bytes, bool]]:
    """List kind, content, and whether it is as it was written; the last may be cut off."""
    found, place = [], len(SIGNATURE)
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        check = data[place + 8 + length : place + 12 + length]
        found.append((kind, body, check == struct.pack(">I", zlib.crc32(kind + body))))
        place += 12 + length
    return found


def _unpacked(packed: bytes, length: int) -> bytes:
    """Unpack as far as it goes, and fill with zeros, which are black or nothing."""
    unpack, rows = zlib.decompressobj(), bytearray()
    for start in range(0, len(packed), 4096):
        try:
            rows += unpack.decompress(packed[start : start + 4096], max(1, length - len(rows)))
        except zlib.error:
            break
        if len(rows) >= length:
            break
    return bytes(rows[:length].ljust(length, b"\0"))


def _length(header: bytes) -> int:
    """Return the bytes of all rows, each behind the one that tells its filter."""
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    bits = depth * CHANNELS.get(color, 1)
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 and rows > 0)
