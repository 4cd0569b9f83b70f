import importlib
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def video(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module("video")
    for name in ("video", "video_clip"):
        sys.modules.pop(name, None)


def test_a_clip_is_made_painted_and_measured(video, photos, model_file, tmp_path):
    words = [str(photos / "01.png"), str(photos / "02.png"), "--model", str(model_file), "--out", str(tmp_path)]
    video.main([*words, "--size", "64", "48", "--seconds", "0.5", "--interrupt"])
    text = (tmp_path / "report.md").read_text()
    assert "| steady |" in text
    assert text.count("| yes |") == 3
    assert "Interrupted twice and continued" in text
    assert Image.open(tmp_path / "frames.jpg").size[0] > 4 * 480
