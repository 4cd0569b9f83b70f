import torch
import torch.nn.functional as F
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


def test_detail_and_the_rest_of_the_photograph_are_added_as_much_as_is_said():
    network, image = build_network("lite", width=4, blocks=1), torch.rand(1, 3, 32, 32)
    alone = build_network("lite", width=4, blocks=1, crisp=0)
    alone.load_state_dict(
        {name: value[:3] if name.startswith("output") else value for name, value in network.state_dict().items()}
    )
    with torch.no_grad():
        network.output.weight[3:] = 0
        network.output.bias[3:] = torch.tensor([2, 0.5])
        smooth = F.interpolate(F.avg_pool2d(image, 4), scale_factor=4, mode="bilinear")
        torch.testing.assert_close(network(image), alone(image) + 2 * (image - smooth) + 0.5 * smooth)
