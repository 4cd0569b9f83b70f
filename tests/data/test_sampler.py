from itertools import islice

from fastnst.data.sampler import EndlessBatches


def take(count: int, **options) -> list[list[tuple[int, int]]]:
    return list(islice(EndlessBatches(**({"length": 10, "batch_size": 3, "seed": 0} | options)), count))


def flat(batches):
    return [key for batch in batches for key in batch]


def test_every_pass_shows_every_photograph_once_in_another_order():
    keys = flat(take(10))
    passes = [[index for epoch, index in keys if epoch == e] for e in range(3)]
    assert all(sorted(order) == list(range(10)) for order in passes)
    assert passes[0] != passes[1] != passes[2]


def test_resuming_continues_the_order():
    assert take(4, start=5) == take(9)[5:]


def test_processes_share_a_pass_without_overlap():
    first, second = (set(flat(take(2, length=12, rank=rank, world_size=2))) for rank in range(2))
    assert not first & second
    assert first | second == {(0, i) for i in range(12)}


def test_two_processes_of_half_the_batch_see_what_one_sees():
    whole = [set(batch) for batch in take(5, batch_size=4)]
    parts = [take(5, batch_size=2, rank=rank, world_size=2) for rank in range(2)]
    assert [set(a) | set(b) for a, b in zip(*parts, strict=True)] == whole


def test_seed_changes_the_order():
    assert take(3) == take(3)
    assert take(3) != take(3, seed=1)


def test_a_set_smaller_than_a_batch_is_repeated():
    assert len(take(2, length=2, batch_size=5)[1]) == 5


def test_another_number_of_processes_goes_on_where_one_stood():
    keys = flat(take(20, batch_size=2))
    parts = [take(3, batch_size=4, rank=rank, world_size=2, before=6) for rank in range(2)]
    assert flat(a + b for a, b in zip(*parts, strict=True)) == keys[6:30]
