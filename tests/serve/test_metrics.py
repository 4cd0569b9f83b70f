import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

from fastnst.serve.metrics import Counter, Histogram, Metrics, resident_memory


def test_counters_are_written_as_prometheus_reads_them():
    counter = Counter("answers_total", "Answers.")
    counter.add(path="/", status="200")
    counter.add(2, path="/", status="200")
    counter.add(path='a"b\\c\n', status="404")
    first, second = counter.lines()
    assert first == 'answers_total{path="/",status="200"} 3'
    assert second == 'answers_total{path="a\\"b\\\\c\\n",status="404"} 1'


def test_histograms_count_what_is_at_most_as_large():
    histogram = Histogram("seconds", "Time.", (0.1, 1))
    for value in (0.1, 0.5, 3):
        histogram.add(value)
    assert list(histogram.lines()) == [
        'seconds_bucket{le="0.1"} 1',
        'seconds_bucket{le="1"} 2',
        'seconds_bucket{le="+Inf"} 3',
        "seconds_sum 3.6",
        "seconds_count 3",
    ]


def test_everything_has_a_type_and_a_word_of_help():
    metrics = Metrics()
    metrics.watch("queue", "Requests.", lambda: 3)
    metrics.on_batch(4, 0.5)
    lines = metrics.text().splitlines()
    assert "# TYPE queue gauge" in lines
    assert "queue 3" in lines
    assert "fastnst_batch_size_sum 4" in lines
    assert sum(line.startswith("# HELP") for line in lines) == sum(line.startswith("# TYPE") for line in lines) == 7
    assert resident_memory() >= 0
