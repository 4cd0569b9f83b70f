import torch

from fastnst.training.draws import MOST_BRIGHTNESS, MOST_NOISE, MOST_SHIFT, MOST_ZOOM, WEAK, ZOOMED, draw


def test_a_draw_depends_on_its_key_alone():
    first, again, other = draw((0, 5, 0), 4, 3), draw((0, 5, 0), 4, 3), [draw((0, n, 0), 4, 3) for n in range(6, 20)]
    assert torch.equal(first.index, again.index)
    assert first.disturbance == again.disturbance
    assert any(not torch.equal(first.index, drawn.index) for drawn in other)


def test_a_batch_holds_as_many_styles_as_it_can():
    for number in range(20):
        assert sorted(draw((0, number), 3, 3).index.tolist()) == [0, 1, 2]
        assert len(set(draw((0, number), 4, 9).index.tolist())) == 4
        assert sorted(draw((0, number), 4, 2).index.tolist()) == [0, 0, 1, 1]


def test_a_part_of_the_steps_paints_at_random_strengths():
    draws = [draw((1, number), 4, 2) for number in range(600)]
    weak = [drawn.strength for drawn in draws if drawn.strength is not None]
    assert abs(len(weak) / 600 - WEAK) < 0.06
    strengths = torch.cat(weak)
    assert 0 <= strengths.min() < 0.05
    assert 0.95 < strengths.max() <= 1


def test_shifts_are_of_one_to_seven_pixels():
    shifts = {side for number in range(100) for side in draw((number,), 1, 0).disturbance.shift}
    assert shifts == set(range(1, MOST_SHIFT + 1))


def test_disturbances_fill_their_ranges():
    drawn = [draw((number,), 1, 0).disturbance for number in range(400)]
    zooms = [one.zoom for one in drawn if one.zoom != 1]
    assert abs(len(zooms) / 400 - ZOOMED) < 0.1
    brightness, noise = [one.brightness for one in drawn], [one.noise for one in drawn]
    for values, low, high in (
        (zooms, 1 - MOST_ZOOM, 1 + MOST_ZOOM),
        (brightness, 1 - MOST_BRIGHTNESS, 1 + MOST_BRIGHTNESS),
        (noise, 0, MOST_NOISE),
    ):
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert len({one.seed for one in drawn}) > 390


def test_a_network_of_one_style_is_given_no_code():
    drawn = draw((0, 0, 0), 4, 0)
    assert drawn.index is drawn.strength is None
