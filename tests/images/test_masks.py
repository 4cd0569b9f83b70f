import pytest
import torch
from PIL import Image

from fastnst.errors import ConfigError
from fastnst.images import read_mask
from fastnst.images.masks import opacities


def halves(path, left=255, right=0):
    image = Image.new("L", (80, 40), left)
    image.paste(right, (40, 0, 80, 40))
    image.save(path)
    return path


def test_white_paints_black_keeps_and_the_edge_is_soft(tmp_path):
    mask = read_mask(halves(tmp_path / "m.png"), 100, 200)
    assert mask.shape == (1, 1, 100, 200)
    assert mask[..., :90].min() > 0.99
    assert mask[..., 110:].max() < 0.01
    assert 0.2 < mask[0, 0, 50, 99:101].mean() < 0.8


def test_another_shape_is_stretched_with_a_note(tmp_path, caplog):
    assert read_mask(halves(tmp_path / "m.png"), 50, 50).shape == (1, 1, 50, 50)
    assert "m.png: 80x40 is stretched to 50x50" in caplog.text


def test_a_mask_that_is_all_black_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"m\.png: .* white paints, black keeps"):
        read_mask(halves(tmp_path / "m.png", 0), 8, 8)


def test_layers_one_over_the_other_get_the_share_of_their_masks():
    masks = [torch.rand(1, 1, 8, 9) for _ in range(3)]
    masks[1][..., 0] = masks[2][..., 0] = masks[0][..., 1] = 0
    left, shares = torch.ones(1, 1, 8, 9), []
    for opacity in reversed(opacities(masks)):
        shares.append(left * opacity)
        left = left * (1 - opacity)
    total = torch.stack(masks).sum(0).clamp_min(1)
    torch.testing.assert_close(torch.stack(shares[::-1]), torch.stack(masks) / total, atol=1e-5, rtol=0)
    torch.testing.assert_close(left, 1 - torch.stack(masks).sum(0) / total, atol=1e-5, rtol=0)
