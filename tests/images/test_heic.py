import io
import sys

import numpy as np
import pytest

from fastnst.images import ImageError, open_image, read_pictures

HEADER = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_without_the_extra_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    with pytest.raises(ImageError, match=r"a\.heic: is a HEIC picture, which needs an extra; .*fastnst\[heic\]"):
        open_image(HEADER, "a.heic")


def test_photographs_of_phones_are_read(make_picture):
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra heic")
    data = io.BytesIO()
    pillow_heif.from_pillow(make_picture(64, 48)).save(data, quality=95)
    (picture,) = read_pictures(data.getvalue())
    assert picture.size == (48, 64)
    assert np.abs(picture.values.astype(int) - np.asarray(make_picture(64, 48))).mean() < 4


def test_a_broken_one_is_one_line():
    pytest.importorskip("pillow_heif", reason="needs the extra heic")
    with pytest.raises(ImageError, match=r"a\.heic: "):
        open_image(HEADER + b"\0" * 40, "a.heic")
