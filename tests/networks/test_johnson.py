from fastnst.networks import build_network


def test_full_width_has_the_parameters_of_the_literature():
    assert sum(p.numel() for p in build_network("johnson").parameters()) == 1_679_235
