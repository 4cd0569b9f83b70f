import torch
from torch.utils.flop_counter import FlopCounterMode

from fastnst.networks import build_network


def operations(name: str) -> int:
    with FlopCounterMode(display=False) as counter:
        build_network(name)(torch.rand(1, 3, 64, 64))
    return counter.get_total_flops()


def test_a_fifteenth_of_the_arithmetic_of_johnson():
    assert operations("lite") < operations("johnson") / 15


def test_without_blocks_it_can_be_trained():
    network = build_network("lite", width=4, blocks=0)
    network(torch.rand(2, 3, 16, 16)).square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
