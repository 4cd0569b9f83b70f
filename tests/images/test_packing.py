import base64

import pytest

from fastnst.images import ImageError, pack_image, packing, to_tensor, unpack_image


def test_a_packed_picture_is_hardly_worse(make_picture):
    image = to_tensor(make_picture())
    assert (unpack_image(pack_image(image)) - image).abs().mean() < 0.02


@pytest.mark.parametrize("text", ["", "?", "AAAA"])
def test_what_is_no_packed_picture_is_refused(text):
    with pytest.raises(ImageError, match="packed picture"):
        unpack_image(text)


def test_a_pillow_without_avif_packs_a_jpeg(monkeypatch, make_picture):
    monkeypatch.setattr(packing.features, "check", lambda feature: False)
    text = pack_image(to_tensor(make_picture()))
    assert base64.b64decode(text).startswith(b"\xff\xd8")
    assert unpack_image(text).shape[0] == 1
