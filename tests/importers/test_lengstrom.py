import numpy as np
import pytest
import torch
import torch.nn.functional as F

WIDTH, BLOCKS, CONVS = 8, 2, 10


def variables(rng):
    """Filters ``(K, K, C_in, C)``, or for transposed ones ``(K, K, C, C_in)``, then shift, then scale."""
    w = WIDTH
    shapes = [(9, 9, 3, w), (3, 3, w, 2 * w), (3, 3, 2 * w, 4 * w), *[(3, 3, 4 * w, 4 * w)] * 2 * BLOCKS]
    shapes += [(3, 3, 2 * w, 4 * w), (3, 3, w, 2 * w), (9, 9, w, 3)]
    values = []
    for number, shape in enumerate(shapes):
        channels = shape[2] if number in (len(shapes) - 3, len(shapes) - 2) else shape[3]
        values.append(rng.normal(0, 0.1, shape))
        values += [rng.normal(0, 0.3, channels), rng.normal(1 if number < len(shapes) - 1 else 0.4, 0.2, channels)]
    return [value.astype(np.float32) for value in values]


def same(size, kernel, stride):
    """TensorFlow's padding: before and behind."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv(x, filters, stride):
    """``tf.nn.conv2d`` with padding SAME."""
    (top, bottom), (left, right) = (same(side, filters.shape[0], stride) for side in x.shape[2:])
    return F.conv2d(F.pad(x, (left, right, top, bottom)), filters.permute(3, 2, 0, 1), stride=stride)


def conv_transpose(x, filters):
    """``tf.nn.conv2d_transpose`` with padding SAME and stride 2: every value is spread to its right and bottom."""
    spread = torch.zeros(1, x.shape[1], 2 * x.shape[2], 2 * x.shape[3])
    spread[..., ::2, ::2] = x
    return F.conv2d(F.pad(spread, (2, 0, 2, 0)), filters.flip(0, 1).permute(2, 3, 0, 1))


def normalize(x, shift, scale):
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return scale.view(-1, 1, 1) * (x - mean) / (variance + 1e-3) ** 0.5 + shift.view(-1, 1, 1)


def paint(values, photo):
    """The program, on a photograph of 0 to 255."""
    left = [torch.from_numpy(value) for value in values]

    def layer(x, kind=conv, stride=(1,), relu=True):
        filters, shift, scale = left.pop(0), left.pop(0), left.pop(0)
        x = normalize(kind(x, filters, *stride), shift, scale)
        return F.relu(x) if relu else x

    x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float()
    for stride in (1, 2, 2):
        x = layer(x, stride=(stride,))
    for _ in range(BLOCKS):
        x = x + layer(layer(x), relu=False)
    for _ in range(2):
        x = layer(x, conv_transpose, ())
    x = torch.tanh(layer(x, relu=False)) * 150 + 255.0 / 2
    return x[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("suffix", ["", ":0"])
def test_variables_of_tensorflow_paint_as_the_program(tmp_path, agrees, suffix):
    values = variables(np.random.default_rng(0))
    names = ["Variable" + (f"_{number}" if number else "") for number in range(len(values))]
    arrays = {name + suffix: value for name, value in zip(names, values, strict=True)}
    training = {"Variable/Adam": values[0], "global_step": np.array(7), "beta1_power": np.float32(0.9)}
    np.savez(tmp_path / "wave.npz", **(arrays | training))
    assert agrees(tmp_path / "wave.npz", lambda photo: paint(values, photo)).startswith("lengstrom")
