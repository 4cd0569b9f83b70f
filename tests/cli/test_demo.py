from pathlib import Path

import pytest
from PIL import Image

from fastnst.assets import find_config
from fastnst.cli import demo

pytest.importorskip("skimage")


def test_everything_the_demo_uses_is_laid_out_in_its_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = demo.arguments()
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert find_config(options["--config"], "train").name == "demo.yaml"
    assert Image.open(options["--style"]).size == (720, 560)
    assert len(list(Path(options["--photos"]).iterdir())) == 10
    assert options["--resume"] == "auto"


def test_sheet_shows_photographs_above_their_paintings(monkeypatch, tmp_path, model_file):
    monkeypatch.chdir(tmp_path)
    demo.arguments()
    copy = tmp_path / "style.safetensors"
    copy.write_bytes(model_file.read_bytes())
    assert Image.open(demo.write_sheet(copy)).size == (4 * 384, 2 * 384)
