"""Random palettes: bold or muted, warm, cool or complementary, of two to eight colors."""

import numpy as np

SCHEMES = ("near", "complementary", "triad", "any", "ink", "primaries")
SHARES = (0.15, 0.27, 0.2, 0.16, 0.1, 0.12)

PRIMARIES = ((0.95, 0.02, 90), (0.17, 0.01, 260), (0.58, 0.23, 28), (0.86, 0.18, 95), (0.42, 0.17, 262))
"""White, black, red, yellow and blue, as lightness, chroma and hue in degrees."""


def pick_palette(rng: np.random.Generator) -> np.ndarray:
    """Return a random palette, ``(colors, 3)`` in [0, 255]; the first color is the ground's."""
    scheme = rng.choice(SCHEMES, p=SHARES)
    count = int(rng.integers(2, 5) if scheme == "ink" else rng.integers(3, 9))
    if scheme == "primaries":
        lightness, chroma, hue = np.array(PRIMARIES).T
        lightness, hue = lightness + rng.normal(0, 0.03, 5), hue + rng.normal(0, 10, 5)
    else:
        chroma = rng.uniform(0.6, 1.15, count) * _boldness(rng, scheme)
        lightness, hue = _lightness(rng, count), _hues(rng, scheme, count)
    colors = _srgb(lightness, chroma, np.deg2rad(hue))
    return _ground_first(rng, colors, scheme)


def by_brightness(palette: np.ndarray) -> np.ndarray:
    """Return the colors from dark to light."""
    return palette[np.argsort(palette @ (0.299, 0.587, 0.114))]


def _boldness(rng: np.random.Generator, scheme: str) -> float:
    if scheme == "ink":
        return float(rng.uniform(0.0, 0.06))
    return float(rng.uniform(0.13, 0.25) if rng.random() < 0.68 else rng.uniform(0.04, 0.1))


def _lightness(rng: np.random.Generator, count: int) -> np.ndarray:
    """Spread from dark to light: without contrast, shapes do not show."""
    low, high = rng.uniform(0.08, 0.35), rng.uniform(0.75, 0.98)
    return rng.permutation(np.linspace(low, high, count) + rng.normal(0, 0.05, count)).clip(0.05, 0.99)


def _hues(rng: np.random.Generator, scheme: str, count: int) -> np.ndarray:
    hues = _plain_hues(rng, scheme, count)
    purple = (hues % 360 > 285) & (hues % 360 < 345)
    return hues + 75 * (purple & (rng.random(count) < 0.6))  # painters use little of it


def _plain_hues(rng: np.random.Generator, scheme: str, count: int) -> np.ndarray:
    first = rng.normal(65, 35) if rng.random() < 0.45 else rng.uniform(0, 360)  # pigments are often warm
    spread = rng.normal(0, 18, count)
    if scheme == "complementary":
        return first + 180 * (rng.random(count) < 0.4) + spread
    if scheme == "triad":
        return first + 120 * rng.integers(0, 3, count) + spread
    if scheme == "any":
        return rng.uniform(0, 360, count)
    return first + 2 * spread


def _ground_first(rng: np.random.Generator, colors: np.ndarray, scheme: str) -> np.ndarray:
    """Put the darkest or lightest color first, sometimes any other; the rest in any order."""
    ordered = by_brightness(colors)
    place = rng.choice(np.array([len(colors) - 1, 0, rng.integers(len(colors))]), p=[0.45, 0.3, 0.25])
    return np.concatenate([ordered[[place]], rng.permutation(np.delete(ordered, place, 0))])


def _srgb(lightness: np.ndarray, chroma: np.ndarray, hue: np.ndarray) -> np.ndarray:
    """Convert OKLCH; what lies outside of sRGB is clipped. Source: Ottosson. A perceptual color space. 2020."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    cones = (
        np.stack(
            [
                lightness + 0.3963377774 * a + 0.2158037573 * b,
                lightness - 0.1055613458 * a - 0.0638541728 * b,
                lightness - 0.0894841775 * a - 1.2914855480 * b,
            ]
        )
        ** 3
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = (to_linear @ cones).clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).T
