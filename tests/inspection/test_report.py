import csv

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fastnst.inspection import Cell, Moment, Setting, Sweep, write_sweep
from fastnst.inspection.chart import is_relative, line
from fastnst.inspection.report import cell_rows, curve_rows
from fastnst.losses import LossConfig


def cell(*losses, init="content", backbone="compact", photograph=8.0):
    curve = tuple(Moment(i, i * 0.5, loss, {"style": loss}) for i, loss in enumerate(losses))
    setting = Setting(32, LossConfig(backbone), init, "lbfgs", None)
    terms = {f"style/{next(iter(setting.loss.style))}": losses[-1]}
    return Cell(setting, Image.new("RGB", (8, 6)), terms, 1.5, curve, photograph)


def test_goals_are_counted_in_evaluations():
    rows = cell_rows([cell(8, 4, 2, 1), cell(9, 8, 7, 6, init="noise")], [2, 5])
    assert [row["evaluations_to_2"] for row in rows] == [2, None]
    assert [row["evaluations_to_5"] for row in rows] == [1, None]


def test_default_goals_are_near_the_lowest_loss_of_the_same_objective():
    rows = cell_rows([cell(8, 1.09, 1.04, 1), cell(8, 2, 1.05, 1.05, init="noise"), cell(9, 5, backbone="vgg19")])
    assert [row["evaluations_to_within_10%"] for row in rows] == [1, 2, 1]
    assert [row["evaluations_to_within_5%"] for row in rows] == [2, 2, 1]
    assert [row["evaluations_to_within_1%"] for row in rows] == [3, None, 1]


def test_a_row_holds_settings_and_end_values():
    row = cell_rows([cell(8, 1)])[0]
    assert (row["init"], row["size"], row["style_layers"]) == ("content", 32, "relu1_1+relu2_1+relu3_1")
    assert (row["evaluations"], row["loss"], row["photograph_loss"]) == (1, 1, 8)
    assert row["style_unweighted"] == pytest.approx(1 / 10)


def test_the_curves_have_a_row_per_evaluation():
    rows = curve_rows([cell(8, 1), cell(9)])
    assert [(row["cell"], row["evaluations"], row["loss"], row["style"]) for row in rows] == [
        (0, 0, 8, 8),
        (0, 1, 1, 1),
        (1, 0, 9, 9),
    ]


def test_two_backbones_share_a_chart_by_what_the_photograph_has_under_each():
    both = [cell(8, 4), cell(20, 5, backbone="vgg19", photograph=20.0)]
    assert not is_relative([both[0], cell(9, 4, init="noise")])
    assert is_relative(both)
    assert [line(each, True)[1] for each in both] == [[1, 0.5], [1, 0.25]]
    assert line(both[0], False) == ([0, 1], [8, 4])
    assert line(cell(8, photograph=0.0), True) == ([0], [8])


def test_all_files_of_a_sweep(tmp_path):
    cells = [cell(8, 1), cell(9, 3, backbone="squeezenet1_0")]
    sheet, chart, table, curves, hparams = write_sweep(tmp_path, Sweep(cells, 2))
    assert Image.open(sheet).width > 2 * 8
    assert Image.open(chart).width > 800
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["style/relu1"] == ""
    assert rows[1]["style/relu1"] == "3"
    assert list(rows[0])[-1] == "evaluations_to_within_1%"
    assert len(curves.read_text().splitlines()) == 5
    events = EventAccumulator(str(hparams / "000"))
    events.Reload()
    assert "hparam/loss" in events.Tags()["scalars"]


def test_a_new_sweep_takes_the_place_of_an_old_one(tmp_path):
    write_sweep(tmp_path, Sweep([cell(8, 1), cell(9, 3, init="noise")], 2))
    *_, hparams = write_sweep(tmp_path, Sweep([cell(8, 1)], 1))
    assert [path.name for path in hparams.iterdir() if path.is_dir()] == ["000"]
    assert len(list((hparams / "000").iterdir())) == 1


def test_a_cell_that_failed_at_once_has_no_curve(tmp_path):
    failed = Cell(cell(1).setting, Image.new("RGB", (8, 6)), {"style/relu1_1": 1.0}, 1.5, (), 8.0)
    assert cell_rows([failed])[0]["evaluations_to_within_10%"] is None
    assert write_sweep(tmp_path, Sweep([failed], 1))[1].exists()
