import sys

import numpy as np
import pytest

from fastnst.errors import ConfigError
from fastnst.inference import load
from fastnst.video import FramePainter, VideoError
from fastnst.video.camera import paint_live, watch
from fastnst.video.clip import probe
from fastnst.video.reader import Reader
from fastnst.video.window import Window

cv2 = pytest.importorskip("cv2", reason="needs the extra video (OpenCV)")


@pytest.fixture
def painter(model_file):
    return FramePainter(load(model_file, device="cpu"))


def test_what_a_camera_sees_is_written_at_its_times(painter, make_frames, tmp_path):
    seconds = [0.0, 0.031, 0.031, 0.2]
    out = tmp_path / "live.mp4"
    assert paint_live(zip(seconds, make_frames(9), strict=False), painter, out) == 4
    facts = probe(out)
    times = [round(float(1000 * frame.pts * facts.time_base)) for frame in Reader(out, facts)]
    assert times == [0, 31, 32, 200]
    assert (facts.width, facts.height) == (64, 48)


def test_a_camera_that_stops_leaves_what_it_showed(painter, make_frames, tmp_path):
    def frames():
        yield from zip([0.0, 0.1, 0.2], make_frames(3), strict=True)
        raise VideoError("camera 0 has stopped")

    with pytest.raises(VideoError, match="has stopped"):
        paint_live(frames(), painter, tmp_path / "live.mp4")
    facts = probe(tmp_path / "live.mp4")
    assert len(list(Reader(tmp_path / "live.mp4", facts))) == 3


def test_painting_stops_when_it_is_asked_to(painter, make_frames):
    seen = []
    assert (
        paint_live(
            zip(range(9), make_frames(9), strict=True), painter, None, None, lambda f: seen.append(f) or len(seen) == 3
        )
        == 3
    )
    assert seen[0].shape == (48, 64, 3)


class Camera:
    def __init__(self, index):
        self.left = 2 if index == 0 else 0

    def isOpened(self):  # noqa: N802
        return bool(self.left)

    def set(self, name, value):
        pass

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), (1, 2, 3), np.uint8)

    def release(self):
        pass


def test_a_camera_gives_red_first_and_says_when_it_ends(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    frames = watch(0)
    assert next(frames)[1][0, 0].tolist() == [3, 2, 1]
    next(frames)
    with pytest.raises(VideoError, match="camera 0 has stopped"):
        next(frames)
    with pytest.raises(VideoError, match="camera 7 cannot be opened"):
        next(watch(7))


def test_a_window_that_cannot_be_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="--show needs a display, and there is none here"):
        Window("title")

    def refuse(*_):
        raise cv2.error("not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(ConfigError, match="built without windows; pip uninstall opencv-python-headless"):
        Window("title")


def test_a_window_shows_blue_first_and_closes_on_q(monkeypatch):
    shown, keys = [], [255, ord("q")]
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, values: shown.append(values[0, 0].tolist()))
    monkeypatch.setattr(cv2, "waitKey", lambda milliseconds: keys.pop(0))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    window = Window("title")
    frame = np.full((4, 4, 3), (1, 2, 3), np.uint8)
    assert [window.show(frame), window.show(frame)] == [False, True]
    assert shown == [[3, 2, 1]] * 2
