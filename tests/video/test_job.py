from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from fastnst.errors import ConfigError
from fastnst.video import VideoError, VideoJob, job, run
from fastnst.video.about import about_video
from fastnst.video.clip import probe
from fastnst.video.reader import Reader

av = pytest.importorskip("av", reason="needs the extra video (PyAV)")

WIDE = Fraction(4, 3)


@pytest.fixture
def short_segments(monkeypatch):
    """Segments of five frames, by an encoder that repeats itself: x264 has been seen to give other bytes for the same
    frames in one run of a hundred."""
    monkeypatch.setattr(job, "SEGMENT", 5)
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})


@pytest.fixture
def make_job(clip, model_file, tmp_path):
    return lambda name="painted.mp4", source=clip, **more: VideoJob(source, tmp_path / name, str(model_file), **more)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_times_and_sound_are_those_of_the_original(make_job, clip, packets, times, suffix):
    made = make_job(f"painted{suffix}")
    result = run(made)
    assert (result.frames, result.painted, result.width, result.height, result.done) == (14, 14, 64, 48, True)
    assert not result.notes
    assert packets(made.out, "audio") == packets(clip, "audio")
    late = times(made.out)[0]  # Matroska has no times below zero, where the sound of an MP4 may begin
    assert late < 0.03
    assert [when - late for when in times(made.out)] == times(clip)
    assert probe(made.out).rate == pytest.approx(probe(clip).rate, rel=0.05)
    assert list(made.out.parent.iterdir()) == [made.out]


def test_color_and_the_shape_of_pixels_are_kept(make_job, make_clip, make_frames, tmp_path):
    told = {"color_range": 2, "colorspace": 1, "color_primaries": 1, "color_trc": 1, "sample_aspect_ratio": WIDE}
    source = make_clip(tmp_path / "a.mp4", make_frames(3), **told)
    for suffix in (".mp4", ".mkv"):
        run(made := make_job("painted" + suffix, source))
        found = probe(made.out)
        assert found.color == probe(source).color
        assert (found.color.range, found.color.matrix) == (2, 1)
        assert found.aspect == probe(source).aspect == pytest.approx(4 / 3)


def test_what_has_no_color_tags_gets_none(make_job, make_clip, make_frames, tmp_path):
    source = make_clip(tmp_path / "a.mp4", make_frames(2))
    run(made := make_job(source=source))
    assert probe(made.out).color == probe(source).color


def test_a_turned_video_is_written_upright(make_job, make_clip, make_frames, tmp_path):
    source = make_clip(tmp_path / "a.mp4", make_frames(3), rotation=(90, False), sample_aspect_ratio=WIDE)
    run(made := make_job(source=source))
    found = probe(made.out)
    assert (found.width, found.height, found.matrix) == (48, 64, (1, 0, 0, 1))
    assert found.aspect == pytest.approx(3 / 4)


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47), (61, 35)])
def test_odd_sizes_are_kept(make_job, make_clip, make_frames, tmp_path, width, height):
    source = make_clip(tmp_path / "a.mkv", make_frames(2, width, height), fmt="yuv444p")
    for suffix in (".mp4", ".webm"):
        run(made := make_job("painted" + suffix, source))
        assert (probe(made.out).width, probe(made.out).height) == (width, height)


def test_an_interruption_changes_no_packet(make_job, short_segments):
    whole = make_job("whole.mp4")
    run(whole)
    for stop in (5, 8, 14):
        made = make_job(f"stopped{stop}.mp4")
        first = run(made, lambda result, painted, stop=stop: result.painted == stop)
        assert not first.done
        assert first.frames == (stop - 1) // 5 * 5
        assert not made.out.exists()
        second = run(made)
        assert second.done
        assert second.painted == 14 - first.frames
        assert _packets(made.out) == _packets(whole.out)
        assert not list(made.out.parent.glob("*.parts"))


def _packets(path):
    with av.open(str(path)) as container:
        return [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe, p.stream_index) for p in container.demux()]


def test_the_same_job_makes_the_same_file(make_job, short_segments):
    made = make_job("a.mkv")
    run(made)
    first = made.out.read_bytes()
    made.out.unlink()
    run(made, lambda result, painted: result.painted == 7)
    run(made)
    assert made.out.read_bytes() == first


def test_parts_of_other_settings_are_refused(make_job, short_segments):
    made = make_job()
    run(made, lambda result, painted: result.painted == 6)
    with pytest.raises(ConfigError, match="painted.mp4.parts: was begun with another steady;.*--overwrite"):
        run(replace(made, steady=0.2))
    result = run(replace(made, steady=0.2, restart=True))
    assert result.painted == 14


def test_damaged_parts_are_one_line(make_job, short_segments):
    made = make_job()
    run(made, lambda result, painted: result.painted == 6)
    (made.out.parent / "painted.mp4.parts" / "state.safetensors").write_bytes(b"torn")
    with pytest.raises(ConfigError, match="is damaged; --overwrite begins anew"):
        run(made)


def test_a_broken_last_packet_leaves_the_rest(make_job, make_clip, make_frames, break_last, packets, tmp_path):
    source = break_last(make_clip(tmp_path / "a.mkv", make_frames(8), sound="aac"))
    result = run(made := make_job(source=source))
    assert result.frames == 7
    assert result.notes == [f"{source}: 1 of its packets could not be decoded; their frames are left out"]
    assert packets(made.out, "audio") == packets(source, "audio")


def test_sound_that_a_container_does_not_hold_is_found_before_painting(make_job):
    with pytest.raises(ConfigError, match=r"\.webm does not hold aac sound; \.mkv does"):
        run(make_job("painted.webm"), lambda result, painted: pytest.fail("painted"))


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("painted.avi", {}, r"a video is written as \.mp4"),
        ("painted.mp4", {"crf": 99}, "crf 99: .* goes from 0"),
        ("painted.mp4", {"steady": 1.0}, "steady must be at least 0 and below 1"),
    ],
)
def test_settings_that_cannot_be_are_one_line(make_job, name, more, words):
    with pytest.raises(ConfigError, match=words):
        run(make_job(name, **more))


def test_a_video_does_not_replace_itself(make_job, make_clip, make_frames, tmp_path):
    source = make_clip(tmp_path / "a.mp4", make_frames(2))
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="would replace its own source"):
        run(make_job("a.mp4", source))
    assert source.read_bytes() == before


def test_subtitles_are_kept_where_they_can_be(make_job, make_clip, make_frames, packets, tmp_path):
    source = tmp_path / "sub.mkv"
    with av.open(str(make_clip(tmp_path / "a.mkv", make_frames(4)))) as plain, av.open(str(source), "w") as output:
        picture = output.add_stream_from_template(plain.streams.video[0])
        text = output.add_mux_stream("subrip")
        for packet in plain.demux(video=0):
            if packet.size:
                packet.stream = picture
                output.mux(packet)
        line = av.Packet(b"Hello")
        line.stream, line.time_base, line.pts, line.dts, line.duration = text, picture.time_base, 40, 40, 80
        output.mux(line)
    run(kept := make_job("kept.mkv", source))
    assert packets(kept.out, "subtitles") == [b"Hello"]
    result = run(make_job("lost.mp4", source))
    assert result.notes == [f"{source}: its track of subtitle is left out, which .mp4 does not hold"]


def test_a_video_says_how_it_was_made_and_not_where(make_job, clip):
    run(made := make_job(crf=25))
    facts = about_video(made.out)
    assert facts["command"] == [
        *("fastnst", "stylize", str(clip), "--model", made.model, "--crf", "25", "--out", str(made.out))
    ]
    assert (facts["width"], facts["frames"], facts["codec"]) == (64, 14, "h264")
    assert facts["other_tracks"] == ["audio aac"]
    with av.open(str(made.out)) as container:
        assert container.metadata["title"] == "a clip"
        assert "location" not in container.metadata


def test_frames_are_painted_one_at_a_time(make_job, monkeypatch):
    alive, most = set(), []
    read = Reader.__iter__

    def counted(self):
        for frame in read(self):
            alive.add(frame.pts)
            most.append(len(alive))
            yield frame
            alive.discard(frame.pts)

    monkeypatch.setattr(Reader, "__iter__", counted)
    run(make_job())
    assert max(most) == 1


def test_a_full_disk_loses_no_part(make_job, monkeypatch):
    made = make_job()
    monkeypatch.setattr("fastnst.video.join.Joiner._packets", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(OSError, match="No space"):
        run(made)
    monkeypatch.undo()
    assert not made.out.exists()
    result = run(made)
    assert (result.painted, result.frames, result.done) == (0, 14, True)


def test_not_one_frame_is_one_line(make_job, make_clip, make_frames, break_last, tmp_path):
    source = break_last(make_clip(tmp_path / "a.mkv", make_frames(1)))
    with pytest.raises(VideoError, match="not one frame can be decoded"):
        run(make_job(source=source))


def test_without_x264_it_is_mpeg4(make_job, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    run(made := make_job())
    assert probe(made.out).codec == "mpeg4"
    assert np.isclose(float(probe(made.out).seconds), 0.6, atol=0.1)
