import numpy as np
import pytest
from PIL import Image

from fastnst.data.likeness import find_originals, fingerprint


def originals(images):
    prints = [fingerprint(image) for image in images]
    colors = np.frombuffer(b"".join(color for _, color in prints), np.uint8).reshape(len(prints), -1)
    return find_originals(np.array([bits for bits, _ in prints], np.uint64), colors).tolist()


@pytest.fixture
def pictures(make_picture):
    return [make_picture(96, 80, seed) for seed in range(30)]


def test_pictures_that_differ_are_no_copies(pictures):
    assert originals(pictures) == list(range(30))


def test_copies_of_another_size_and_compression_are_found(pictures, tmp_path):
    pictures[4].save(tmp_path / "4.jpg", quality=50)
    copies = [pictures[9].resize((48, 40)), Image.open(tmp_path / "4.jpg").convert("RGB"), pictures[9]]
    assert originals([*pictures, *copies]) == [*range(30), 9, 4, 9]


def test_a_picture_and_its_gray_one_are_two(pictures):
    assert originals([pictures[0], pictures[0].convert("L").convert("RGB")]) == [0, 1]


def test_flat_pictures_are_told_apart_by_their_color():
    flat = [Image.new("RGB", (64, 64), color) for color in ("red", "blue", "white", "red", (250, 4, 0))]
    assert originals(flat) == [0, 1, 2, 0, 0]


def test_many_of_one_picture_are_all_found():
    bits, colors = np.full(3000, 5, np.uint64), np.zeros((3000, 48), np.uint8)
    assert set(find_originals(bits, colors).tolist()) == {0}


def test_any_two_that_differ_in_three_bits_meet():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 500).astype(np.uint64)
    turned = bits.copy()
    for place in (rng.integers(0, 64, 500) for _ in range(3)):
        turned ^= np.uint64(1) << place.astype(np.uint64)
    both = np.concatenate([bits, turned])
    assert find_originals(both, np.zeros((1000, 48), np.uint8)).tolist() == [*range(500), *range(500)]


def test_there_may_be_none():
    assert find_originals(np.zeros(0, np.uint64), np.zeros((0, 48), np.uint8)).size == 0
