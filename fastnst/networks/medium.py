"""A transformation network between the light one and Johnson's."""

from fastnst.networks._base import NETWORKS
from fastnst.networks.lite import Lite


@NETWORKS.register("medium")
class Medium(Lite):
    """:class:`Lite` with more channels and two blocks more, for ten minutes of training in place of three.

    362,069 parameters; a step of training takes 1.2 times that of ``lite``, painting 1.8 times.
    """

    def __init__(
        self,
        width: int = 48,
        blocks: int = 5,
        detail: int = 24,
        deep: int = 96,
        deep_blocks: int = 5,
        full: int = 12,
        crisp: int = 4,
    ) -> None:
        super().__init__(width, blocks, detail, deep, deep_blocks, full, crisp)
