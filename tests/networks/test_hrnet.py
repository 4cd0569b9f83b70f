from fastnst.networks import build_network


def test_it_has_the_parameters_of_the_source():
    assert sum(p.numel() for p in build_network("hrnet").parameters()) == 64_607
