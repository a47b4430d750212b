"""Sixteen float32 at a time inside numba functions: sums stay in registers, rows to come are fetched early.

Compilers give up on such loops where arrays might overlap; these operations leave them no choice.
Arrays are one-dimensional and contiguous; `place` is the first of sixteen entries, all of which must
exist. A uint16 array holds bfloat16 numbers: the upper halves of float32 ones.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 16
WIDTH = 4 * LANES  # columns of a row that loops take at a time
AHEAD = 12  # how many rows before its use a row is fetched

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
_HALVES = ir.VectorType(ir.IntType(16), LANES)
_INT = ir.IntType(32)


class Vector(types.Type):
    """Numba's type of sixteen float32 in a register."""

    def __init__(self) -> None:
        super().__init__(name="Float32x16")


_VECTOR = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _FLOATS)


@intrinsic
def zeros(typing_context):  # type: ignore[no-untyped-def]
    """Sixteen zeros."""
    return _VECTOR(), lambda context, builder, signature, arguments: ir.Constant(_FLOATS, [0.0] * LANES)


@intrinsic
def load(typing_context, array, place):  # type: ignore[no-untyped-def]
    """array[place : place + 16]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature.args[0], *arguments)

    return _VECTOR(array, types.int64), generate


@intrinsic
def store(typing_context, array, place, vector):  # type: ignore[no-untyped-def]
    """array[place : place + 16] = vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store(arguments[2], builder.bitcast(to, _FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, _VECTOR), generate


@intrinsic
def scaled(typing_context, vector, scale):  # type: ignore[no-untyped-def]
    """scale · vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(arguments[0], _splat(builder, arguments[1]))

    return _VECTOR(_VECTOR, types.float32), generate


@intrinsic
def add_scaled(typing_context, vector, scale, array, place):  # type: ignore[no-untyped-def]
    """vector + scale · array[place : place + 16]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _load(context, builder, signature.args[2], *arguments[2:])
        return _fma(builder, _splat(builder, arguments[1]), loaded, arguments[0])

    return _VECTOR(_VECTOR, types.float32, array, types.int64), generate


@intrinsic
def add_product(typing_context, vector, other, array, place):  # type: ignore[no-untyped-def]
    """vector + other · array[place : place + 16], entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _load(context, builder, signature.args[2], *arguments[2:])
        return _fma(builder, arguments[1], loaded, arguments[0])

    return _VECTOR(_VECTOR, _VECTOR, array, types.int64), generate


@intrinsic
def total(typing_context, vector):  # type: ignore[no-untyped-def]
    """The sum of the sixteen."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), _FLOATS])
        reduce = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.fadd.v16f32")
        zero = ir.Constant(ir.FloatType(), 0.0)
        return builder.call(reduce, [zero, arguments[0]], fastmath=("reassoc",))

    return types.float32(_VECTOR), generate


@intrinsic
def prefetch(typing_context, array, place):  # type: ignore[no-untyped-def]
    """Start to fetch the cache line of array[place]; never fails."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to = builder.bitcast(_pointer(context, builder, signature.args[0], *arguments), byte)
        builder.call(fetch, [to, _INT(0), _INT(3), _INT(1)])  # to read, into all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@njit(inline="always")
def fetch_row(array, place):  # type: ignore[no-untyped-def]
    """Start to fetch array[place : place + 64]."""
    prefetch(array, place)
    prefetch(array, place + LANES)
    prefetch(array, place + 2 * LANES)
    prefetch(array, place + 3 * LANES)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [place])


def _load(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    start = _pointer(context, builder, array_type, array, place)
    if array_type.dtype == types.uint16:
        halves = builder.load(builder.bitcast(start, _HALVES.as_pointer()), align=2)
        bits = builder.shl(builder.zext(halves, _INTS), ir.Constant(_INTS, [16] * LANES))
        return builder.bitcast(bits, _FLOATS)
    return builder.load(builder.bitcast(start, _FLOATS.as_pointer()), align=4)


def _splat(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(nothing, number, _INT(0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_INTS, [0] * LANES))


def _fma(builder: Any, one: Any, other: Any, summand: Any) -> Any:
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32")
    return builder.call(fma, [one, other, summand])
