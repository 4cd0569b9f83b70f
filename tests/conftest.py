import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes side by side: a thread each, those they start likewise
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from fastnst.assets import bundled
from fastnst.backbones import FeatureExtractor
from fastnst.backbones._extractor import conv_relu, pool
from fastnst.checkpoint import Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.images import pack_image, read_image
from fastnst.losses import LossConfig
from fastnst.networks import build_network

settings.register_profile("slow machines too", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("slow machines too")

SHARED = Path(os.environ.get("FASTNST_DATA") or Path(__file__).parents[2] / "shared")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def toy_backbone() -> FeatureExtractor:
    """Three small seeded convolutions under real layer names."""
    torch.manual_seed(1)
    stages: dict[str, nn.Module] = conv_relu("1_1", 3, 4, "zeros")
    stages["pool1"] = pool(2, "max")
    stages |= conv_relu("2_1", 4, 6, "zeros") | conv_relu("2_2", 6, 6, "zeros")
    return FeatureExtractor("toy", stages)


@pytest.fixture(scope="session")
def toy_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with random weights for the first convolutions of VGG-19, through relu2_1."""
    torch.manual_seed(2)
    shapes = {"0": (64, 3), "2": (64, 64), "5": (128, 64)}
    state = {}
    for number, (channels, channels_in) in shapes.items():
        conv = nn.Conv2d(channels_in, channels, 3)
        state[f"features.{number}.weight"] = conv.weight.detach()
        state[f"features.{number}.bias"] = conv.bias.detach()
    path = tmp_path_factory.mktemp("weights") / "toy.safetensors"
    save_file(state, path)
    return path


def picture(width: int = 48, height: int = 40, seed: int = 0) -> Image.Image:
    """A smooth colored picture, different for every seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def make_picture() -> Callable[..., Image.Image]:
    return picture


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nested folder of twelve small photographs."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(12):
        path = folder / ("nested" if i % 3 == 0 else ".") / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        picture(64 + i, 50 + i, seed=i).save(path)
    return folder


@pytest.fixture(scope="session")
def style_picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("style") / "waves.jpg"
    picture(80, 70, seed=99).save(path)
    return path


@pytest.fixture
def two_styles(tmp_path: Path, style_picture: Path) -> list[Path]:
    """The style picture, and another of another size."""
    path = tmp_path / "sun.png"
    picture(60, 64, seed=7).save(path)
    return [style_picture, path]


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained checkpoint."""
    torch.manual_seed(3)
    network = build_network("johnson", width=4, blocks=1)
    path = tmp_path_factory.mktemp("model") / "style.safetensors"
    save_checkpoint(path, network, Metadata(network=describe(network)))
    return path


@pytest.fixture
def trained(tmp_path: Path, model_file: Path, style_picture: Path) -> Path:
    """A checkpoint that says under which loss and for which style it was trained."""
    network, metadata = load_checkpoint(model_file)
    picture = read_image(style_picture)[..., :48, :48]
    style = {"name": "waves", "sha256": "0" * 64, "size": [48, 48], "picture": pack_image(picture)}
    loss = LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 1.0, "relu2_1": 1.0}).describe()
    loss |= {"content_scales": {"relu2_1": 0.5}}
    metadata = replace(metadata, styles=[style], loss=loss, training={"seconds": 100})
    path = tmp_path / "waves.safetensors"
    save_checkpoint(path, network, metadata)
    return path


@pytest.fixture
def bundled_styles(tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the bundled one: ``waves`` with a card, ``plain`` without, ``torn`` damaged."""
    folder = tmp_path / "root" / "checkpoints"
    folder.mkdir(parents=True)
    network, _ = load_checkpoint(model_file)
    style = {"name": "waves", "title": "Waves", "artist": "A. Painter (1800-1850)", "date": "1840"}
    judged = {"photos": 4, "size": 64, "terms": {"content/relu2_1": 0.5, "style/relu1_1": 0.25, "loss": 0.75}}
    metadata = Metadata(describe(network), styles=[style], judged=judged)
    save_checkpoint(folder / "waves.safetensors", network, metadata, torch.float16)
    (folder / "waves.md").write_text("# Waves\n\nA card.\n")
    save_checkpoint(folder / "plain.safetensors", network, Metadata(describe(network)))
    (folder / "torn.safetensors").write_bytes((folder / "waves.safetensors").read_bytes()[:999])
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "root" / "fastnst")
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Development weights and pictures beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the development data beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def make_train_options(photos: Path, style_picture: Path, toy_weights: Path) -> Callable[[Path], list[str]]:
    """Give the options of a training that takes a second, for a folder."""
    return lambda out: [
        *("train", "--style", str(style_picture), "--photos", str(photos), "--out", str(out)),
        *("--steps", "4", "--data.size", "32", "--data.batch_size", "2", "--data.workers", "0"),
        *("--data.val_count", "2", "--model.network_options", "{width: 4, blocks: 1}", "--model.style_size", "48"),
        *("--model.loss.backbone", "vgg19", "--model.loss.weights", str(toy_weights)),
        *("--model.loss.content", "{relu2_1: 1}", "--model.loss.style", "{relu1_1: 1, relu2_1: 1}"),
        *("--trainer.accelerator", "cpu", "--trainer.precision", "32-true", "--trainer.log_every_n_steps", "1"),
    ]


@pytest.fixture
def train_options(make_train_options: Callable[[Path], list[str]], tmp_path: Path) -> list[str]:
    """The options of a training that takes a second."""
    return make_train_options(tmp_path / "run")


def many_styles(path: Path, names: str, predictor: bool) -> Path:
    """Write an untrained network with a table of styles that differ, and, if asked for, a predictor of more."""
    torch.manual_seed(5)
    network = build_network("lite", width=8, blocks=1)
    table = network.add_styles(len(names.split()), 1920 if predictor else 0)
    for code in (table.codes, table.photograph):
        nn.init.normal_(code, 0.5, 0.4)
    if table.predictor:
        table.predictor.begin(torch.rand(4, 1920), network.style_code().detach())
        nn.init.normal_(table.predictor.output.weight, std=0.2)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, network, Metadata(describe(network), styles=[{"name": name} for name in names.split()]))
    return path


@pytest.fixture
def make_gallery() -> Callable[..., Path]:
    return many_styles


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three styles in one network, without a predictor."""
    return many_styles(tmp_path_factory.mktemp("several") / "gallery.safetensors", "wave starry udnie", False)


@pytest.fixture
def small_style_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the statistics of style pictures at a size that costs nothing."""
    monkeypatch.setattr("fastnst.backbones.statistics.STYLE_SIZE", 32)


@pytest.fixture
def shared_network(bundled_styles: Path, small_style_pictures: None) -> Path:
    """A network for the style of any picture, in place of the bundled one; it knows no styles by name."""
    return many_styles(bundled_styles.parent / "fastnst/networks/weights/lite.safetensors", "", True)
