"""Each preset, in our units, gives the number that the program it names computes, worked out here from its formulas."""

from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

from fastnst.losses import GramLoss, LossConfig, PerceptualLoss

PAPERS = Path(__file__).parents[2] / "configs" / "papers"
CHANNELS = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}


class GivenFeatures(nn.Module):
    """A backbone whose feature maps are seeded noise with VGG's channels, another draw for every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[dict[str, Tensor]] = []

    def forward(self, images: Tensor, layers: list[str]) -> dict[str, Tensor]:
        maps = {name: torch.rand(len(images), CHANNELS[name[4]], 5, 4) for name in sorted(layers)}
        self.calls.append(maps)
        return maps


def preset(name: str) -> LossConfig:
    return LossConfig(**yaml.safe_load((PAPERS / f"{name}.yaml").read_text())["model"]["loss"])


def judge(name: str, batch: int) -> tuple[dict[str, Tensor], dict, dict, dict, Tensor]:
    config = preset(name)
    backbone = GivenFeatures()
    loss = PerceptualLoss(
        backbone, config.content, config.style, GramLoss(), config.style_weight, config.tv, config.units
    )
    painted = torch.rand(batch, 3, 256, 256)
    terms = loss(painted, loss.content_target(painted), loss.style_target(painted[:1])).terms
    photos, style, stylized = backbone.calls
    return terms, photos, style, stylized, painted


def program_gram(features: Tensor) -> Tensor:
    """The Gram matrix of almost every program: divided by channels and positions."""
    batch, channels, height, width = features.shape
    flat = features.view(batch, channels, height * width)
    return flat.bmm(flat.transpose(1, 2)) / (channels * height * width)


def mean_square(first: Tensor, second: Tensor) -> Tensor:
    return ((first - second.expand_as(first)) ** 2).mean()


@pytest.mark.parametrize(
    ("name", "content_weight", "style_weight"), [("johnson2016", 1, 5), ("pytorch_examples", 1e5, 1e10)]
)
def test_vgg16_programs(name, content_weight, style_weight):
    terms, photos, style, stylized, _ = judge(name, batch=4)
    torch.testing.assert_close(
        terms["content/relu2_2"], content_weight * mean_square(stylized["relu2_2"], photos["relu2_2"])
    )
    for layer in ("relu1_2", "relu2_2", "relu3_3", "relu4_3"):
        expected = style_weight * mean_square(program_gram(stylized[layer]), program_gram(style[layer]))
        torch.testing.assert_close(terms[f"style/{layer}"], expected)


def test_johnson_total_variation():
    """Half of 1e-6 times the sum of squares over a batch of four on the (H-1)(W-1) grid, in 0..255."""
    terms, *_, painted = judge("johnson2016", batch=4)
    pixels = 255 * painted
    down = (pixels[..., 1:, :-1] - pixels[..., :-1, :-1]) ** 2
    right = (pixels[..., :-1, 1:] - pixels[..., :-1, :-1]) ** 2
    torch.testing.assert_close(terms["tv"], 0.5 * 1e-6 * (down + right).sum(), rtol=1e-3, atol=0)


def test_lengstrom():
    """content 7.5 * 2 * l2_loss / size, style 100 * 2 * l2_loss(gram) / gram size, tv 200 * 2 * (...); l2 halves."""
    batch = 4
    terms, photos, style, stylized, painted = judge("lengstrom", batch)
    difference = stylized["relu4_2"] - photos["relu4_2"]
    size = difference[0].numel() * batch
    torch.testing.assert_close(terms["content/relu4_2"], 7.5 * (2 * (difference**2).sum() / 2 / size))
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        difference = program_gram(stylized[layer]) - program_gram(style[layer])
        expected = 100 * (2 * (difference**2).sum() / 2 / difference[0].numel()) / batch
        torch.testing.assert_close(terms[f"style/{layer}"], expected)
    pixels = 255 * painted
    down, right = pixels[..., 1:, :] - pixels[..., :-1, :], pixels[..., 1:] - pixels[..., :-1]
    parts = (down**2).sum() / 2 / down[0].numel() + (right**2).sum() / 2 / right[0].numel()
    torch.testing.assert_close(terms["tv"], 200 * 2 * parts / batch, rtol=1e-4, atol=0)


def test_magenta():
    """Gram divided by positions alone, mean over its entries, 1e-4 a layer; content the mean square."""
    assert preset("magenta").pooling == "average"
    terms, photos, style, stylized, _ = judge("magenta", batch=2)
    torch.testing.assert_close(terms["content/relu3_3"], mean_square(stylized["relu3_3"], photos["relu3_3"]))
    for layer in ("relu1_2", "relu2_2", "relu3_3", "relu4_3"):
        channels = CHANNELS[layer[4]]
        grams = [channels * program_gram(maps[layer]) for maps in (stylized, style)]
        torch.testing.assert_close(terms[f"style/{layer}"], 1e-4 * mean_square(*grams))


def test_every_preset_is_pinned_above():
    assert {path.stem for path in PAPERS.glob("*.yaml")} == {
        "johnson2016",
        "pytorch_examples",
        "lengstrom",
        "magenta",
    }
