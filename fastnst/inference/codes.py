"""The code of a style: from the network's table, mixed, weakened, or predicted from a picture."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images import open_image, to_tensor
from fastnst.inference.choice import Style, is_picture
from fastnst.networks import TransformationNetwork, shares
from fastnst.registry import unknown

if TYPE_CHECKING:
    from fastnst.backbones import StyleStatistics


class Codes:
    """Find the codes of styles in a network, for whoever names them.

    Args:
        network: With a table of styles, or without.
        names: Of the table's rows, in their order.
    """

    def __init__(self, network: TransformationNetwork, names: Sequence[str]) -> None:
        self.network, self.names = network, list(names)

    @torch.no_grad()
    def __call__(self, style: Style, strength: float = 1.0) -> Tensor:
        """Return the code ``(K,)`` of a style, in float32.

        Args:
            style: See :data:`Style`.
            strength: 0 for the photograph as it is, 1 for all of the style.

        Raises:
            ConfigError: A style or a strength that the network does not have, or weights that are none.
            ImageError: The style picture cannot be read.
            ValueError: A code of another length.
        """
        code = self._mixed(style) if isinstance(style, Mapping) else self._one(style)
        return code if strength == 1 else self._weakened(code, strength)

    def _mixed(self, mix: Mapping[str, float]) -> Tensor:
        try:
            row = shares(list(mix), mix)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        return torch.stack([share * self._one(word) for share, word in zip(row.tolist(), mix, strict=True)]).sum(0)

    def _one(self, style: str | os.PathLike[str] | Image.Image | Tensor) -> Tensor:
        if isinstance(style, Tensor):
            return self._checked(style)
        if isinstance(style, Image.Image):
            return self._predicted(style)
        if str(style) in self.names:
            styles = self.network.styles
            return styles.codes[self.names.index(str(style))] if styles else self.network.style_code().float()
        if is_picture(style):
            self._check_predictor()
            return self._predicted(open_image(style))
        if not self.names:
            raise ConfigError(f"{str(style)!r} is not a picture, and this model knows no styles by name")
        raise ConfigError(unknown("style", str(style), self.names) + (", any picture" if self._predictor else ""))

    def _checked(self, code: Tensor) -> Tensor:
        if code.shape != (self.network.code_size,):
            raise ValueError(f"a style code is {tuple(code.shape)}, but ({self.network.code_size},) is wanted")
        return code.to(next(self.network.parameters()).device, torch.float32)

    def _weakened(self, code: Tensor, strength: float) -> Tensor:
        if not 0 <= strength <= 1:
            raise ConfigError(f"strength must be between 0 and 1, got {strength:g}")
        if self.network.styles is None:
            raise ConfigError(
                "this model has one style at one strength; leave strength out, or choose a model of several styles"
            )
        return self.network.styles.weaken(code, strength)

    @property
    def _predictor(self) -> torch.nn.Module | None:
        return self.network.styles.predictor if self.network.styles else None

    def _check_predictor(self) -> None:
        if self._predictor is None:
            known = f", or choose one of its styles: {', '.join(self.names)}" if len(self.names) > 1 else ""
            raise ConfigError(
                f"this model has no predictor, so it cannot paint like any picture; leave --model out for the one that "
                f"can{known}"
            )

    def _predicted(self, picture: Image.Image) -> Tensor:
        self._check_predictor()
        assert self._predictor is not None
        code: Tensor = self._predictor(self._statistics(to_tensor(picture)))[0]
        return code

    @cached_property
    def _statistics(self) -> "StyleStatistics":
        from fastnst.backbones import StyleStatistics  # here, because painting by name needs no backbone

        return StyleStatistics(next(self.network.parameters()).device)
