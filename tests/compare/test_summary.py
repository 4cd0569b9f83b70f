import json

import pytest

from fastnst.compare import Case, Painted, Point, Spread, Verdict, summarize
from fastnst.compare.chart import draw
from fastnst.compare.trajectories import FROM_NOISE, YARDSTICK, refined


def verdict(total, unseen=0.5):
    return Verdict({"style/relu1_1": total}, unseen)


def curve(*totals):
    return [Point(i * 10, i * 1.0, verdict(total)) for i, total in enumerate(totals)]


def case(name, goal, size=64, points=(9, 5, 3)):
    curves = {YARDSTICK: curve(*points), FROM_NOISE: curve(20, *points), refined("net"): curve(goal)}
    return Case(name, size, verdict(9.0, 1.0), {"net": Painted(verdict(goal), 0.5)}, curves)


def test_a_network_equals_as_many_iterations_as_it_saves():
    (summary,) = summarize([case("a", 5), case("b", 4), case("c", 1)], {"net": 30.0}, 20)
    assert summary.overall.equivalent_lbfgs_iterations == Spread(15, 12.5, 17.5)
    assert summary.overall.equivalent_iterations_from_noise.median == 20  # ten more, and those that it got at most
    assert summary.overall.never_reached_from_noise == 1
    assert summary.overall.speedup.median == 3
    assert summary.overall.break_even_images.median == 30
    assert summary.overall.never_reached == 1
    assert summary.overall.unseen_style_distance["photograph"] == Spread(1, 1, 1)
    assert summary.headline().startswith(
        "net equals 15 iterations of L-BFGS (12-18; from noise 20), is 3.0 times faster, "
        "and pays back its training after 30 images"
    )


def test_photographs_are_counted_once_however_many_sizes_they_have():
    (summary,) = summarize([case(name, 5, size) for size in (32, 64) for name in "ab"], {"net": None}, 20)
    assert (summary.overall.photographs, summary.overall.cases) == (2, 4)
    assert {size: (row.photographs, row.cases) for size, row in summary.sizes.items()} == {32: (2, 2), 64: (2, 2)}


def test_a_summary_is_plain_data():
    (summary,) = summarize([case("a", 5)], {"net": 30.0}, 20)
    plain = json.loads(json.dumps(summary.to_dict()))
    assert plain["name"] == "net"
    assert plain["speedup"] == {"median": 2, "q1": 2, "q3": 2}
    assert plain["sizes"][0]["size"] == 64


@pytest.mark.parametrize(("seconds", "words"), [(None, "how long its training took is not known"), (9.0, "never pays")])
def test_what_is_not_known_is_said(seconds, words):
    slow = case("a", 9)  # as good as the photograph at once: the optimizer needs no time
    (summary,) = summarize([slow], {"net": seconds}, 20)
    assert summary.overall.break_even_images == Spread()
    assert words in summary.headline()


def test_curves_without_a_point_at_the_full_size_are_left_out():
    cases = [case("a", 5), case("b", 5)]
    for each in cases:
        each.curves["fastnst optimize"] = []
    (summary,) = summarize(cases, {"net": None}, 20)
    assert summary.overall.loss["fastnst optimize"] == Spread()
    assert draw(cases, [summary]).startswith(b"\x89PNG")


def test_even_the_yardstick_may_have_no_points():
    cases = [case("a", 5, points=())]
    (summary,) = summarize(cases, {"net": 3.0}, 20)
    assert summary.overall.never_reached == 1
    assert "unknown times faster" in summary.headline()
    assert draw(cases, [summary]).startswith(b"\x89PNG")
