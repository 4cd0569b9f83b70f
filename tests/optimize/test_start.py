"""The picture to begin with."""

import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.optimize.start import given_picture


def test_a_network_of_several_styles_is_no_start(gallery, shared_network):
    for source in (str(gallery), "shared"):
        with pytest.raises(ConfigError, match="paints in more than one style; paint a picture by fastnst stylize"):
            given_picture(source, torch.rand(1, 3, 16, 16))


def test_a_network_of_one_style_is_a_start(tmp_path, make_gallery):
    one = make_gallery(tmp_path / "one.safetensors", "wave", False)
    assert given_picture(str(one), torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)
