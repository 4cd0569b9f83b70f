import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fastnst.cli import run
from fastnst.video import job
from fastnst.video.kinds import camera_index, is_video


@pytest.fixture
def words(clip, model_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return ["stylize", str(clip), "--model", str(model_file)]


def test_a_video_is_painted_into_its_own_container(words, tmp_path, capsys):
    assert run(words) == 0
    (out,) = (path.name for path in tmp_path.glob("clip_*.mp4"))
    assert f"{out}: 14 frames of 64x48" in capsys.readouterr().out
    assert run([*words, "--out", out]) == 2
    assert f"{out} exists" in capsys.readouterr().err
    assert run([*words, "--out", out, "--skip_existing"]) == 0
    assert run([*words, "--out", out, "--overwrite", "--steady", "--crf", "30", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["frames"] == 14


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(words, monkeypatch, capsys):
    monkeypatch.setattr(job, "SEGMENT", 4)
    paint, count = job.FramePainter.__call__, []

    def interrupted(self, values):
        count.append(1)
        if len(count) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return paint(self, values)

    monkeypatch.setattr(job.FramePainter, "__call__", interrupted)
    assert run([*words, "--out", "a.mp4"]) == 130
    said = capsys.readouterr()
    assert "stopping behind this frame" in said.err
    assert "interrupted; 4 of 14 frames are kept, the same command goes on" in said.out
    assert not Path("a.mp4").exists()
    assert run([*words, "--out", "a.mp4"]) == 0
    assert len(count) == 6 + 10


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (["--out", "a.avi"], "a video is written as .mp4"),
        (["--out", "-"], "a video is written to a file"),
        (["--engine", "openvino"], "--engine is for pictures; leave it out for a video"),
        (["photo.jpg"], "a video is painted alone; give one input"),
        (["--steady", "1"], "must be at least 0 and below 1"),
        (["--out", "a.webm"], ".webm does not hold aac sound; .mkv does"),
    ],
)
def test_what_cannot_be_is_a_usage_error(words, capsys, more, error):
    with suppress(SystemExit):  # from the parser
        assert run([*words, *more]) == 2
    said = capsys.readouterr().err
    assert error in said
    assert said.count("\n") == 1


def test_broken_and_absent_videos_fail_in_one_line(model_file, tmp_path, capsys):
    (tmp_path / "torn.mp4").write_bytes(b"\0" * 500)
    for name, words in (("torn", "cannot be read as a video"), ("none", "no such file")):
        assert run(["stylize", f"{tmp_path}/{name}.mp4", "--model", str(model_file), "--out", f"{tmp_path}/o.mp4"]) == 1
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["torn.mp4"]


@pytest.mark.parametrize("missing", ["av", "cv2"])
def test_without_the_extra_one_line_says_what_to_install(words, monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert run([*words, "--out", "a.mp4"]) == 2
    said = capsys.readouterr().err
    assert "install fastnst[video]" in said
    assert said.count("\n") == 1


def test_info_tells_of_a_video_and_measures_its_flicker(words, clip, capsys):
    assert run([*words, "--out", "a.mp4", "--steady", "0.3"]) == 0
    capsys.readouterr()
    assert run(["info", "a.mp4"]) == 0
    said = capsys.readouterr().out
    assert "steady" in said
    assert f"fastnst stylize {clip}" in said
    assert run(["info", "a.mp4", "--flicker", str(clip)]) == 0
    assert "excess" in capsys.readouterr().out
    assert run(["info", "a.mp4", "--flicker", str(clip), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == 13
    assert found["excess"] == pytest.approx(found["painted"] - found["original"])


def test_a_camera_needs_somewhere_to_show_or_write(model_file, capsys):
    assert run(["stylize", "camera", "--model", str(model_file)]) == 2
    assert "a camera needs --show, --out NAME.mp4, or both" in capsys.readouterr().err


def test_what_a_word_means(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [camera_index(word) for word in ("camera", "camera:2", "camera.mp4", "cam")] == [0, 2, None, None]
    Path("camera").touch()
    assert camera_index("camera") is None
    Path("bare").write_bytes(clip.read_bytes())
    Path("photo").write_bytes(b"\0\0\0 ftypavif" + b"\0" * 20)
    assert [is_video(word) for word in ("a.MP4", "a.webm", "bare", "photo", "a.jpg", "none", "camera")] == [
        *(True, True, True, False, False, False, False)
    ]
