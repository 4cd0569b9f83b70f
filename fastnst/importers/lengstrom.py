"""lengstrom/fast-style-transfer, whose TensorFlow variables were exported to a ``.npz`` file."""

from collections.abc import Mapping

from torch import Tensor

from fastnst.importers._plan import BYTES, Mismatch, Plan, Ranges
from fastnst.networks.foreign import Foreign

EXPORT = (
    "r = tf.train.load_checkpoint('CHECKPOINT'); "
    "np.savez('style.npz', **{n: r.get_tensor(n) for n in r.get_variable_to_shape_map() if '/' not in n})"
)
"""The Python line that writes what is read here, where tensorflow and numpy are imported."""

EPS = 1e-3
RANGES: Ranges = (BYTES[0], ([1 / 255] * 3, [0.5] * 3))


def read(tensors: Mapping[str, Tensor]) -> Foreign:
    """Read the variables ``Variable`` to ``Variable_47``: filters, shift and scale of each of 16 convolutions.

    Borders are zeros, as TensorFlow's ``SAME`` lays them: before strided convolutions none at the top and left.
    Convolutions have no bias, the last one is normalized like the others, and 150 tanh + 127.5 leaves. 0 to 255 enters,
    as in the program that paints; the one that trains divides by 255, which the first norm undoes. What the optimizer
    of a training left in the file is not looked at.

    Source: github.com/lengstrom/fast-style-transfer, src/transform.py and evaluate.py.

    Raises:
        Mismatch: The tensors are not those of such a network.
    """
    own = {name.removesuffix(":0"): value for name, value in tensors.items() if "/" not in name}
    own = {name: value for name, value in own.items() if name.startswith("Variable")}
    convs = len(own) // 3
    if len(own) % 3 or convs < 6 or convs % 2:
        raise Mismatch("not three variables for each of an even number of convolutions, six at least")
    plan = Plan(own)
    for number, stride in enumerate((1, 2, 2)):
        _conv(plan, number, stride)
        plan.add("relu")
    for number in range(3, convs - 3, 2):
        plan.add("keep 0")
        _conv(plan, number)
        plan.add("relu")
        _conv(plan, number + 1)
        plan.add("add 1")
    for number in (convs - 3, convs - 2):
        plan.deconv(_filters(plan, number), None, stride=2, padding=0, more=0)
        plan.add("crop 0 1")
        _norm(plan, number)
        plan.add("relu")
    _conv(plan, convs - 1)
    plan.add("tanh 150")
    return plan.build(RANGES)


def _variable(plan: Plan, number: int) -> Tensor:
    return plan.take(f"Variable_{number}" if number else "Variable")


def _filters(plan: Plan, number: int) -> Tensor:
    """Return filters as torch has them: TensorFlow's are ``(K, K, C_in, C)``, transposed ones ``(K, K, C, C_in)``."""
    filters = _variable(plan, 3 * number)
    if filters.dim() != 4:
        raise Mismatch("a variable of no convolution where its filters stand")
    return filters.permute(3, 2, 0, 1)


def _conv(plan: Plan, number: int, stride: int = 1) -> None:
    filters = _filters(plan, number)
    around = filters.shape[-1] - stride  # of sides that are multiples of the stride
    plan.add(f"pad zeros {around // 2} {around - around // 2}")
    plan.convolve(filters, None, stride)
    _norm(plan, number)


def _norm(plan: Plan, number: int) -> None:
    shift, scale = _variable(plan, 3 * number + 1), _variable(plan, 3 * number + 2)
    plan.normalize(scale, shift, EPS)
