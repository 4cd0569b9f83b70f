import numpy as np
import pytest

from fastnst.video.clip import VideoError, probe
from fastnst.video.reader import Reader, upright

av = pytest.importorskip("av", reason="needs the extra video (PyAV)")


def read(path, skip=0):
    reader = Reader(path, probe(path), skip)
    return reader, list(reader)


def test_frames_have_the_times_and_values_of_the_file(make_clip, make_frames, tmp_path):
    frames = make_frames(6)
    path = make_clip(tmp_path / "a.mkv", frames, [0, 40, 95, 120, 121, 300])
    _, found = read(path)
    assert [float(frame.pts * probe(path).time_base) for frame in found] == [0, 0.04, 0.095, 0.12, 0.121, 0.3]
    for frame, values in zip(found, frames, strict=True):
        assert frame.values.dtype == np.uint8
        assert np.abs(frame.values.astype(int) - values).mean() < 12  # halved color of a picture full of it


def test_skipped_frames_change_nothing_behind_them(clip):
    _, every = read(clip)
    reader, rest = read(clip, 5)
    assert [frame.pts for frame in rest] == [frame.pts for frame in every[5:]]
    assert all(np.array_equal(a.values, b.values) for a, b in zip(rest, every[5:], strict=True))
    assert not reader.notes()


@pytest.mark.parametrize(("degrees", "mirrored"), [(90, False), (180, False), (-90, False), (0, True), (90, True)])
def test_a_turned_video_is_read_upright(make_clip, tmp_path, degrees, mirrored):
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:16, :16] = 255  # one white corner
    path = make_clip(tmp_path / "a.mp4", [stored] * 2, rotation=(degrees, mirrored))
    _, frames = read(path)
    # The angle is counterclockwise, and the mirroring comes after it.
    expected = np.rot90(stored, degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    assert (probe(path).width, probe(path).height) == expected.shape[1::-1]
    assert np.abs(frames[0].values.astype(int) - expected).mean() < 3


def test_upright_undoes_a_matrix_by_its_definition():
    values = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    for a, b, c, d in [(1, 0, 0, -1), (-1, 0, 0, 1), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0)]:
        turned = upright(values, (a, b, c, d))
        left, top = min(0, 2 * a) + min(0, 1 * c), min(0, 2 * b) + min(0, 1 * d)
        for y in range(2):
            for x in range(3):
                assert np.array_equal(turned[b * x + d * y - top, a * x + c * y - left], values[y, x])


@pytest.mark.parametrize(("matrix", "values"), [(1, 1), (6, 1), (1, 2), (6, 2)])
def test_colors_are_converted_as_they_are_tagged(make_clip, tmp_path, matrix, values):
    color = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    path = make_clip(tmp_path / "a.mp4", [color] * 2, colorspace=matrix, color_range=values)
    _, frames = read(path)
    assert np.abs(frames[0].values.astype(int) - color).max() <= 3


def test_without_a_tag_small_videos_are_of_the_old_matrix(make_clip, tmp_path):
    color = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    _, frames = read(make_clip(tmp_path / "a.mp4", [color] * 2))
    assert np.abs(frames[0].values.astype(int) - color).max() <= 3


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_broken_last_packet_costs_its_frame(make_clip, make_frames, break_last, tmp_path, suffix):
    path = break_last(make_clip(tmp_path / f"a{suffix}", make_frames(8)))
    reader, frames = read(path)
    assert len(frames) == 7
    assert reader.notes() == [f"{path}: 1 of its packets could not be decoded; their frames are left out"]


def test_a_file_that_ends_early_gives_what_it_has(make_clip, make_frames, tmp_path):
    path = make_clip(tmp_path / "a.mkv", make_frames(12))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    _, frames = read(path)
    assert 4 <= len(frames) < 12


def test_frames_of_another_size_are_resized_to_the_first(make_frames, tmp_path):
    data = b""
    for width, height in ((64, 48), (48, 64)):
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuv420p", 1
        encoder.framerate = 25
        encoder.max_b_frames = 0
        encoder.options = {"preset": "ultrafast"}
        for number, values in enumerate(make_frames(3, width, height)):
            frame = av.VideoFrame.from_ndarray(values, "rgb24").reformat(format="yuv420p")
            frame.pts = number
            data += b"".join(map(bytes, encoder.encode(frame)))
        data += b"".join(map(bytes, encoder.encode(None)))
    path = tmp_path / "raw.mkv"
    path.write_bytes(data)
    reader, frames = read(path)
    assert [frame.values.shape for frame in frames] == [(48, 64, 3)] * 6
    assert f"{path}: 3 of its frames have another size than the first and were resized to it" in reader.notes()
    assert np.all(np.diff([frame.pts for frame in frames]) > 0)


def test_what_is_no_video_is_one_line(tmp_path, make_clip, make_frames, sounded):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video at all\n" * 50)
    (tmp_path / "folder.mp4").mkdir()
    whole = make_clip(tmp_path / "whole.mp4", make_frames(4)).read_bytes()
    (tmp_path / "torn.mp4").write_bytes(whole[: len(whole) // 2])
    with av.open(str(tmp_path / "sound.mp4"), "w") as output:
        output.mux(sounded(output.add_stream("aac", 48_000), 0.1))
    cases = {
        "none": "no such file",
        "folder": "is not a file",
        "empty": "the file is empty",
        "text": "cannot be read as a video",
        "torn": "cannot be read as a video",
        "sound": "holds no picture track",
    }
    for name, words in cases.items():
        with pytest.raises(VideoError, match=f"{name}.mp4: .*{words}"):
            probe(tmp_path / f"{name}.mp4")


def test_a_list_of_files_is_not_followed(tmp_path, make_clip, make_frames):
    make_clip(tmp_path / "a.mp4", make_frames(2))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{tmp_path}/a.mp4'\n")
    with pytest.raises(VideoError, match="cannot be read as a video"):
        probe(tmp_path / "list.mp4")
