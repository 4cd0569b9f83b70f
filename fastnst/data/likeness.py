"""Find pictures that are there more than once, as copies of another size or compression too."""

from itertools import pairwise

import numpy as np
from PIL import Image

FIELDS = 4
"""Colors are compared in so many fields by as many."""

NEAR_BITS, NEAR_COLOR = 3, 16
"""By how much two of one picture differ at most: bits of 64, and levels of 255 in any field."""

NEIGHBORS = 16
"""Pictures with which one is compared in each order; they are sorted, so that copies are neighbors."""

BANDS = (0, 16, 32, 48)
"""Of any two that differ in three bits, one of four bands of 16 is the same."""

PART = 2**20
"""Pictures that are compared at once, which bounds the memory."""


def fingerprint(image: Image.Image) -> tuple[int, bytes]:
    """Describe a picture in 64 bits and 48 colors.

    A bit tells whether a place is brighter than that to its right, of 9 x 8 places (dHash); flat pictures have none
    and are told apart by their colors, means of 4 x 4 fields.

    Source: Neal Krawetz, "Kind of Like That", 2013 (dHash).
    """
    small = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    bits = int.from_bytes(np.packbits(small[:, :-1] > small[:, 1:]).tobytes())
    return bits, image.resize((FIELDS, FIELDS), Image.Resampling.BOX).tobytes()


def find_originals(bits: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Return for every picture the number of the first that it is a copy of; its own where it is none.

    In time and memory that grow with the number of pictures alone: each is compared with its neighbors in four orders.
    Of many hundred that hardly differ, some may be missed.

    Args:
        bits: ``(N,)``, uint64.
        colors: ``(N, 48)``, uint8.
    """
    originals = np.arange(len(bits))
    for band in BANDS:
        turned = bits << np.uint64(band) | bits >> np.uint64((64 - band) % 64)
        order = np.argsort(turned, kind="stable")
        for step in range(1, NEIGHBORS + 1):
            edges = [*range(0, max(len(order) - step, 0), PART), max(len(order) - step, 0)]
            for start, stop in pairwise(edges):
                _join(originals, order[start:stop], order[start + step : stop + step], bits, colors)
    while (originals != (settled := originals[originals])).any():
        originals = settled
    return originals


def _join(originals: np.ndarray, some: np.ndarray, others: np.ndarray, bits: np.ndarray, colors: np.ndarray) -> None:
    """Point each of two that are alike to the first of them."""
    near = np.bitwise_count(bits[some] ^ bits[others]) <= NEAR_BITS
    some, others = some[near], others[near]
    difference = np.abs(colors[some].astype(np.int16) - colors[others]).max(1, initial=0)
    some, others = some[difference <= NEAR_COLOR], others[difference <= NEAR_COLOR]
    first, second = np.minimum(some, others), np.maximum(some, others)
    np.minimum.at(originals, second, originals[first])
