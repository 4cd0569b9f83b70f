import torch

from fastnst.data.crops import crops


def test_crops_come_without_end_in_the_range_and_layout_that_networks_want(photos):
    served = crops(str(photos), 32, 3)
    batches = [next(served) for _ in range(4)]  # more than there are photographs
    for batch in batches:
        assert batch.shape == (3, 3, 32, 32)
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert 0 <= batch.min() < batch.max() <= 1
    again = crops(str(photos), 32, 3)
    assert all(torch.equal(next(again), batch) for batch in batches)
    assert not torch.equal(next(crops(str(photos), 32, 3, seed=1)), batches[0])
