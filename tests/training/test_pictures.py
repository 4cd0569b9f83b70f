import shutil

import pytest

from fastnst.errors import ConfigError
from fastnst.training.pictures import free_name, read_style, read_styles


def test_a_style_is_read_at_its_size_and_with_its_facts(style_picture):
    style = read_style(str(style_picture), 35)
    assert style.image.shape == (1, 3, 35, 40)
    assert style.facts["size"] == [35, 40]
    assert style.name == "waves"
    assert read_style(str(style_picture), None).image.shape == (1, 3, 70, 80)


def test_two_pictures_of_one_name_are_told_apart(two_styles, tmp_path):
    (tmp_path / "other").mkdir()
    same = shutil.copy(two_styles[1], tmp_path / "other" / "waves.png")
    assert [style.name for style in read_styles([str(two_styles[0]), same], 40)] == ["waves", "waves_2"]
    assert free_name("a", ["a", "a_2"]) == "a_3"


def test_a_picture_given_twice_is_refused(style_picture):
    with pytest.raises(ConfigError, match="this style picture is given twice"):
        read_styles([str(style_picture)] * 2, 40)


def test_at_least_one_style_is_needed():
    with pytest.raises(ConfigError, match="at least one style picture"):
        read_styles([], 40)


def test_the_size_is_positive(style_picture):
    with pytest.raises(ConfigError, match="style_size must be positive, got 0"):
        read_style(str(style_picture), 0)
