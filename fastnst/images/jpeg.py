"""How many scans a JPEG has: each is decoded over the whole picture, so thousands of them take minutes."""

import re

SCAN, END = 0xDA, 0xD9

MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""Ends the data of a scan: within it, ``ff`` is followed by ``00`` or by a restart marker. Source: ITU-T T.81, B.1."""

MOST_SCANS = 200
"""Programs write about ten; libjpeg-turbo's own fuzzers stop at 500."""


def has_too_many_scans(data: bytes) -> bool:
    """Tell whether a JPEG is made to take long."""
    return data.count(bytes([0xFF, SCAN])) > MOST_SCANS and count_scans(data) > MOST_SCANS


def count_scans(data: bytes) -> int:
    """Count the scans of the first picture of a file; what lies behind it, or within its segments, is not counted."""
    place, scans = 2, 0
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        if kind == END:
            break
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
        if kind == SCAN:
            scans += 1
            found = MARKER.search(data, place)
            place = found.start() if found else len(data)
    return scans
