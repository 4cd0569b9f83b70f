"""Each preset, in our units, gives the number that the program it names computes, worked out here from its formulas."""

from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn

from fastnst.losses import STYLE_LOSSES, LossConfig, PerceptualLoss
from fastnst.losses.style import RIDGE

CONFIGS = Path(__file__).parents[2] / "configs"
CHANNELS = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
SQUEEZENET = {"relu1": 64, "fire2": 128, "fire3": 128, "fire4": 256, "fire5": 256}


class GivenFeatures(nn.Module):
    """A backbone whose feature maps are seeded noise with the real channels, another draw for every call.

    Args:
        sizes: Height and width of the layers where they matter.
    """

    def __init__(self, sizes: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        self.sizes = sizes
        self.calls: list[dict[str, Tensor]] = []

    def forward(self, images: Tensor, layers: list[str]) -> dict[str, Tensor]:
        maps = {name: torch.rand(len(images), channels(name), *self.sizes.get(name, (5, 4))) for name in sorted(layers)}
        self.calls.append(maps)
        return maps


def channels(layer: str) -> int:
    return SQUEEZENET.get(layer) or CHANNELS[layer[4]]


def preset(name: str) -> LossConfig:
    """Read the loss of a training or of an optimization."""
    config = yaml.safe_load(next(CONFIGS.rglob(f"{name}.yaml")).read_text())
    return LossConfig(**config.get("model", config)["loss"])


def judge(
    name: str, batch: int = 1, sizes: dict[str, tuple[int, int]] | None = None, side: tuple[int, int] = (256, 256)
) -> tuple[dict[str, Tensor], dict, dict, dict, Tensor]:
    config = preset(name)
    backbone = GivenFeatures(sizes or {})
    loss = PerceptualLoss(
        backbone,
        config.content,
        config.style,
        STYLE_LOSSES[config.style_loss](),
        config.style_weight,
        config.tv,
        config.units,
        config.scales,
        config.content_scale,
    )
    painted = torch.rand(batch, 3, *side)
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


@pytest.mark.parametrize("file", sorted(CONFIGS.rglob("*.yaml")), ids=lambda file: file.stem)
def test_recipes_of_others_compare_at_one_scale(file):
    config = preset(file.stem)
    assert (config.units == "raw") == ((config.scales, config.content_scale) == ({1: 1.0}, 1))


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


def undivided_gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.mT


def test_gatys2016():
    """Equations 1, 4 and 5 at 512x512 with alpha/beta of 1e-3, all divided by alpha*C*M/2 of conv4_2."""
    terms, photos, style, stylized, _ = judge("gatys2016", sizes={"conv4_2": (64, 64)})
    alpha, beta = 1.0, 1e3
    unit = alpha * 512 * 64 * 64 / 2
    content = alpha * 0.5 * ((stylized["conv4_2"] - photos["conv4_2"]) ** 2).sum()
    torch.testing.assert_close(terms["content/conv4_2"] * unit, content, rtol=1e-3, atol=0)
    for layer in ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"):
        gap = undivided_gram(stylized[layer]) - undivided_gram(style[layer])
        expected = beta * 0.2 * (gap**2).sum() / (4 * channels(layer) ** 2 * 20**2)
        torch.testing.assert_close(terms[f"style/{layer}"] * unit, expected, rtol=1e-4, atol=0)
    assert "tv" not in terms


def test_neural_style():
    """5 and 100 on features of an input 57.4 times ours; all divided by 5 * 57.4**2."""
    terms, photos, style, stylized, painted = judge("neural_style", side=(384, 512))
    scale, unit = 57.4, 5 * 57.4**2
    expected = 5 * mean_square(scale * stylized["relu4_2"], scale * photos["relu4_2"])
    torch.testing.assert_close(terms["content/relu4_2"] * unit, expected)
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        grams = [program_gram(scale * maps[layer]) for maps in (stylized, style)]
        torch.testing.assert_close(terms[f"style/{layer}"] * unit, 100 * mean_square(*grams), rtol=1e-4, atol=0)
    pixels = 255 * painted
    down, right = pixels[..., 1:, :] - pixels[..., :-1, :], pixels[..., 1:] - pixels[..., :-1]
    torch.testing.assert_close(terms["tv"] * unit, 1e-3 / 2 * ((down**2).sum() + (right**2).sum()), rtol=5e-3, atol=0)


def test_crowsonkb():
    """Means and covariances as Gaussians, with our ridge, a share of the style's variance, for the program's."""
    terms, photos, style, stylized, _ = judge("crowsonkb", sizes={"relu1_1": (16, 16)})
    torch.testing.assert_close(terms["content/relu4_2"], 0.015 * mean_square(stylized["relu4_2"], photos["relu4_2"]))
    ours, theirs = (maps["relu1_1"][0].flatten(1).double() for maps in (stylized, style))
    means = (ours.mean(1) - theirs.mean(1)).square().mean()
    ridge = RIDGE * theirs.var(1, correction=0).mean() * torch.eye(64, dtype=torch.float64)
    first, second = (torch.cov(x, correction=0) + ridge for x in (ours, theirs))
    values, vectors = torch.linalg.eigh(second)
    half = vectors * values.clamp_min(0).sqrt() @ vectors.mT
    shared = torch.linalg.eigvalsh(half @ first @ half).clamp_min(0).sqrt().sum()
    expected = 256 / 341 * (means + (first.trace() + second.trace() - 2 * shared) / 64)
    torch.testing.assert_close(terms["style/relu1_1"].double(), expected, rtol=1e-3, atol=0)
    shares = [preset("crowsonkb").style[f"relu{n}_1"] for n in range(1, 6)]
    assert shares == pytest.approx([share / 341 for share in (256, 64, 16, 4, 1)])


def test_cs231n_squeezenet():
    """Sums of squares at 192x192; Gram matrices divided by C*M."""
    terms, photos, style, stylized, painted = judge("cs231n_squeezenet", sizes={"fire2": (47, 47)}, side=(192, 192))
    expected = 6e-2 * ((stylized["fire2"] - photos["fire2"]) ** 2).sum()
    torch.testing.assert_close(terms["content/fire2"], expected, rtol=1e-4, atol=0)
    for layer, weight in {"relu1": 300000, "fire3": 1000, "fire4": 15, "fire5": 3}.items():
        gap = program_gram(stylized[layer]) - program_gram(style[layer])
        torch.testing.assert_close(terms[f"style/{layer}"], weight * (gap**2).sum() * 1.0, rtol=1e-4, atol=0)
    normalized = painted / 0.225
    down, right = (normalized[..., 1:, :] - normalized[..., :-1, :]), (normalized[..., 1:] - normalized[..., :-1])
    torch.testing.assert_close(terms["tv"], 2e-2 * ((down**2).sum() + (right**2).sum()), rtol=1e-2, atol=0)


def test_hrnet_photoreal():
    """150 times the mean square; w times the mean of squared differences of undivided Gram matrices, over C*M."""
    sides = {"relu1_1": 500, "relu2_1": 250, "relu3_1": 125, "relu4_1": 62, "relu5_1": 31}
    terms, photos, style, stylized, _ = judge("hrnet_photoreal", sizes={k: (v, v) for k, v in sides.items()})
    torch.testing.assert_close(terms["content/relu4_2"], 150 * mean_square(stylized["relu4_2"], photos["relu4_2"]))
    for (layer, side), weight in zip(sides.items(), (0.1, 0.2, 0.4, 0.8, 1.6), strict=True):
        gap = undivided_gram(stylized[layer]) - undivided_gram(style[layer])
        expected = weight * (gap**2).mean() / (channels(layer) * side**2)
        torch.testing.assert_close(terms[f"style/{layer}"], expected, rtol=1e-3, atol=0)


def test_every_preset_is_pinned_above():
    assert {path.stem for path in CONFIGS.rglob("*.yaml")} - {"fast", "medium", "quality", "demo"} == {
        "johnson2016",
        "pytorch_examples",
        "lengstrom",
        "magenta",
        "gatys2016",
        "neural_style",
        "crowsonkb",
        "cs231n_squeezenet",
        "hrnet_photoreal",
    }
