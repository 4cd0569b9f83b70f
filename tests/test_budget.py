import pytest

from fastnst.budget import Budget, parse_time
from fastnst.errors import ConfigError


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("60s", 60), ("1.5m", 90), ("2 min", 120), ("1h", 3600)])
def test_times_are_read(text, value):
    assert parse_time(text) == value


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "soon", "5 parsecs", "s"])
def test_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="above zero"):
        parse_time(text)


def test_whichever_ends_first_decides_the_share():
    assert Budget(100, 60).share(50, 12) == 0.5
    assert Budget(100, 60).share(10, 30) == 0.5
    assert Budget(steps=10).share(5, 1e9) == 0.5
    assert Budget().share(1e6, 1e6) == 0
