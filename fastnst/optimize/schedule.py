"""From coarse to fine: how large, and for how long."""

from dataclasses import dataclass

SMALLEST = 128
"""Longer side, in pixels, under which there is no coarser stage."""

THINNING = 0.95
"""Steps of a stage, as a share of those of the next coarser one, which is four times cheaper."""


@dataclass(frozen=True)
class Stage:
    """A size in pixels, the steps at it, and the share of the whole time that ends with it."""

    height: int
    width: int
    steps: int
    until: float


def plan_stages(height: int, width: int, steps: int, count: int | None = None, least: int = 1) -> list[Stage]:
    """Share steps among sizes that double, coarse to fine; the last is the whole size.

    Args:
        height: Of the result, pixels.
        width: Of the result, pixels.
        steps: Of all stages together.
        count: Of stages; as many as stay above :data:`SMALLEST` pixels by default.
        least: Shortest side that the loss can judge, pixels.
    """
    sizes = [(height, width)]
    while (count is None and max(sizes[0]) >= 2 * SMALLEST) or (count is not None and len(sizes) < count):
        smaller = round(sizes[0][0] / 2), round(sizes[0][1] / 2)
        if min(smaller) < max(least, 8):
            break
        sizes.insert(0, smaller)
    weights = [THINNING**number for number in range(len(sizes))]
    shares = [weight / sum(weights) for weight in weights]
    counts = [max(1, round(steps * share)) for share in shares]
    counts[0] = max(1, steps - sum(counts[1:]))
    costs = [size[0] * size[1] * share for size, share in zip(sizes, shares, strict=True)]
    return [
        Stage(*size, number, sum(costs[: i + 1]) / sum(costs))
        for i, (size, number) in enumerate(zip(sizes, counts, strict=True))
    ]
