import pytest

from fastnst.images import ImageError, pack_image, to_tensor, unpack_image


def test_a_packed_picture_is_hardly_worse(make_picture):
    image = to_tensor(make_picture())
    assert (unpack_image(pack_image(image)) - image).abs().mean() < 0.02


@pytest.mark.parametrize("text", ["", "?", "AAAA"])
def test_what_is_no_packed_picture_is_refused(text):
    with pytest.raises(ImageError, match="packed picture"):
        unpack_image(text)
