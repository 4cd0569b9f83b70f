from itertools import pairwise

import numpy as np
import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.inference import Stylizer, load
from fastnst.networks import build_network
from fastnst.networks.norm import InstanceNorm, measure
from fastnst.video.flicker import FlickerMeter, measure_flicker
from fastnst.video.flow import Flow
from fastnst.video.steady import FramePainter, Held, is_cut, thumbnail


@pytest.fixture
def stylizer(model_file):
    return load(model_file, device="cpu", precision="float32")


def test_alone_each_frame_is_painted_as_a_picture(stylizer, make_frames):
    painter = FramePainter(stylizer, blend=0, hold=0)
    for frame in make_frames(3):
        picture = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        expected = (stylizer(picture)[0] * 255).round().permute(1, 2, 0).numpy()
        assert np.abs(painter(frame) - expected).max() <= 1


def test_statistics_are_averaged_over_frames():
    norm, held = InstanceNorm(2), Held({}, 0.9)
    held.names = {norm: "norm"}
    frames = torch.rand(3, 1, 2, 5, 5)
    expected = measure(frames[0])
    for frame in frames:
        expected = 0.9 * expected + 0.1 * measure(frame)
        torch.testing.assert_close(held(norm, frame), norm(frame, moments=expected))
    torch.testing.assert_close(held.moments["norm"], expected)


def test_what_enters_the_picture_changes_the_rest_less():
    norm, still = InstanceNorm(2), torch.rand(1, 2, 8, 8)
    entered = still.clone()
    entered[..., :2] = 2  # the columns behind stay as they are
    changes = {}
    for share in (0.0, 0.9):
        held = Held({norm: "norm"}, share)
        before, now = held(norm, still), held(norm, entered)
        changes[share] = float((now - before)[..., 2:].detach().abs().mean())
    assert changes[0.9] < 0.5 * changes[0.0]


@pytest.mark.parametrize("blend", [0, 0.7])
def test_black_frames_have_one_color_and_leave_no_trace(stylizer, make_frames, blend):
    black = np.zeros((48, 64, 3), np.uint8)
    black[::2, ::3] = 3  # by a codec
    painter, fresh = FramePainter(stylizer, blend), FramePainter(stylizer, blend)
    for _ in range(3):
        shown = painter(black)
        assert (shown == shown[0, 0]).all()
    assert not painter.held.moments
    frame = make_frames(1)[0] // 8
    painter(frame), fresh(frame)
    for name, moments in fresh.held.moments.items():
        assert torch.equal(painter.held.moments[name], moments)


def test_a_cut_forgets_the_scene_before(stylizer, make_frames):
    dark, bright = make_frames(3)[:2], [255 - frame // 4 for frame in make_frames(3, seed=1)]
    painter, fresh = FramePainter(stylizer), FramePainter(stylizer)
    for frame in dark:
        painter(frame // 4)
    for frame in bright:
        assert np.array_equal(painter(frame), fresh(frame))


def test_a_cut_is_no_motion_and_no_flash(make_frames):
    flow = Flow()
    frames = make_frames(12, 96, 64)
    small = [thumbnail(flow, frame) for frame in frames]
    assert not any(is_cut(before, now) for before, now in pairwise(small))
    assert not is_cut(small[0], small[8])  # fast
    assert not is_cut(small[0], (small[0] * 0.9).astype(np.uint8))
    other = thumbnail(flow, make_frames(1, 96, 64, seed=3)[0] // 3)
    assert is_cut(small[0], other)


def test_another_painter_goes_on_from_the_state(stylizer, make_frames):
    frames = make_frames(6)
    first, second = FramePainter(stylizer), FramePainter(stylizer)
    for frame in frames[:3]:
        first(frame)
    second.state = {name: values.copy() for name, values in first.state.items()}
    for frame in frames[3:]:
        assert np.array_equal(first(frame), second(frame))


def test_flow_finds_a_known_shift(make_frames):
    for quick, size, near in ((False, (96, 64), 0.15), (True, (192, 128), 0.3)):
        before, now = make_frames(2, *size)  # by two columns and one row
        flow = Flow(quick)
        back, sure = flow.between(flow.gray(before), flow.gray(now))
        inner = (slice(8, -8), slice(8, -8))
        full = flow.full(back, *now.shape[:2])
        assert np.median(np.abs(full[inner] - [2, 1])) < near
        assert sure[inner].mean() > 0.9
        moved = flow.move(before, full).astype(int)
        assert np.abs(moved - now)[inner].mean() < 0.2 * np.abs(before.astype(int) - now)[inner].mean()


def test_where_nothing_was_before_flow_is_not_trusted(make_frames):
    before = make_frames(1, 96, 64)[0]
    now = before.copy()
    now[20:44, 30:60] = make_frames(1, 30, 24, seed=5)[0]
    flow = Flow(quick=False)
    _, sure = flow.between(flow.gray(before), flow.gray(now))
    assert sure[22:42, 32:58].mean() < 0.35
    assert sure[:, 70:].mean() > 0.95


def test_pictures_too_small_for_flow_are_not_blended(stylizer, make_frames):
    frames = make_frames(3, 12, 10)
    alone, blended = FramePainter(stylizer, blend=0), FramePainter(stylizer)
    for frame in frames:
        assert np.array_equal(alone(frame), blended(frame))


class Lattice:
    """Paints a mesh that is locked to the grid of pixels, whatever moves below it."""

    def __init__(self, network):
        self.network = network

    def transform(self, images, norms):
        mesh = 0.15 * torch.eye(2).repeat(images.shape[2] // 2, images.shape[3] // 2)
        return images * 0.7 + mesh


class Flashing:
    """Paints every other frame lighter."""

    def __init__(self, network):
        self.lighter = False

    def transform(self, images, norms):
        self.lighter = not self.lighter
        return images * 0.7 + 0.2 * self.lighter


def painted(frames, blend, stand_in=Lattice):
    network = build_network("lite", width=4, blocks=1)
    painter = FramePainter(Stylizer(network, device="cpu", precision="float32"), blend)
    painter.network.transform = stand_in(painter.network).transform
    return [painter(frame) for frame in frames]


def test_the_grid_goes_along_with_the_camera(make_frames):
    frames = make_frames(8, 128, 96)  # by two columns and one row from each to the next
    meter = FlickerMeter(2)
    for original, plain, steady in zip(frames, painted(frames, 0), painted(frames, 1e-3), strict=True):
        meter.add(original, plain, steady)
    plain, steady = meter.results()
    assert plain.excess > 5
    assert steady.excess < 0.1 * plain.excess


def test_the_blend_removes_most_of_what_comes_and_goes(make_frames):
    frames = make_frames(8, 128, 96)
    meter = FlickerMeter(2)
    ways = [painted(frames, blend, Flashing) for blend in (0, 0.6)]
    for original, plain, steady in zip(frames, *ways, strict=True):
        meter.add(original, plain, steady)
    plain, steady = meter.results()
    assert plain.pairs == 7
    assert plain.covered > 0.8
    assert plain.excess > 5
    assert steady.excess < 0.5 * plain.excess


def test_the_blend_is_of_the_moved_frame_before(make_frames):
    frames = make_frames(2, 128, 96)
    before, now = painted(frames, 0, Flashing)
    blended = painted(frames, 0.5, Flashing)[1].astype(int)
    expected = (now.astype(int)[:-1, :-2] + before.astype(int)[1:, 2:]) / 2
    inner = (slice(16, -16), slice(16, -16))
    assert np.abs(blended[:-1, :-2] - expected)[inner].mean() < 4
    assert np.abs(now[:-1, :-2] - expected)[inner].mean() > 8


def test_a_still_video_does_not_flicker(make_frames):
    frame = make_frames(1, 96, 64)[0]
    meter = FlickerMeter()
    for _ in range(3):
        meter.add(frame, 255 - frame)
    (found,) = meter.results()
    assert found.original == found.painted == found.excess == 0
    assert found.covered == 1


def test_noise_is_measured_in_levels(make_frames):
    rng = np.random.default_rng(0)
    frame = make_frames(1, 96, 64)[0] // 2 + 64
    meter = FlickerMeter()
    for _ in range(6):
        meter.add(frame, (frame + rng.normal(0, 10, frame.shape)).round().astype(np.uint8))
    (found,) = meter.results()
    assert found.excess == pytest.approx(10 * 2**0.5, rel=0.05)


def test_videos_are_paired_by_their_times(make_clip, make_frames, break_last, tmp_path):
    frames = make_frames(7)
    original = make_clip(tmp_path / "a.mkv", frames)
    times = [0, 40, 120, 160, 200, 240]
    short = make_clip(tmp_path / "b.mp4", [frames[when // 40] for when in times], times)
    found = measure_flicker(short, original)
    assert found.pairs == 5
    assert abs(found.excess) < 1.5


def test_videos_of_two_sizes_are_one_line(make_clip, make_frames, tmp_path):
    one, other = (make_clip(tmp_path / f"{w}.mkv", make_frames(2, w, 48)) for w in (64, 80))
    with pytest.raises(ConfigError, match="is 64x48 and .* is 80x48; give the video that it was painted from"):
        measure_flicker(one, other)
