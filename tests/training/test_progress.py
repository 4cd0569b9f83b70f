"""What a training shows where nobody watches."""

import io

from fastnst.training.progress import Lines


def test_without_a_terminal_every_state_of_the_bar_is_a_line():
    stream = io.StringIO()
    lines = Lines(stream)
    for text in ("\rtraining:   8%", "\rtraining:  17%", "\n", ""):
        lines.write(text)
    assert stream.getvalue() == "training:   8%\ntraining:  17%\n"
