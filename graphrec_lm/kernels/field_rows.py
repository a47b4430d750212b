"""Rows of one embedding table for all fields of an event, and their gradient; sums over pairs of fields."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.kernels.memory import empty
from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Codes = NDArray[np.int32]
Starts = NDArray[np.int64]


def gather_fields(table: Float32, codes: Codes, starts: Starts) -> tuple[Float32, Float32]:
    """The mean row of each field of each event, and the sum of the rows' last columns.

    Parameters
    ----------
    table : float32 array [n, dim + 1]
    codes : int32 array [events, columns]
        Rows of the table, 0 for none.
    starts : int64 array [fields + 1]
        Field f has the columns starts[f]..starts[f + 1] - 1.

    Returns
    -------
    fields : float32 array [events, fields, dim]
    first : float32 array [events]

    Raises
    ------
    InputError
        If a code is no row of the table.

    Examples
    --------
    >>> table = np.array([[0, 0], [1, 5], [3, 7]], dtype=np.float32)
    >>> gather_fields(table, np.array([[1, 2]], dtype=np.int32), np.array([0, 2]))
    (array([[[2.]]], dtype=float32), array([6.], dtype=float32))
    """
    if codes.size and (codes.min() < 0 or codes.max() >= len(table)):
        found = f"{codes.min()} to {codes.max()}"
        raise InputError(f"`codes` must be rows of the table, 0 to {len(table) - 1}", found, "Check them.")
    fields = empty((len(codes) * (len(starts) - 1), table.shape[1] - 1))
    first = np.empty(len(codes), dtype=np.float32)
    _gather(*read_only(table, codes, starts), fields, first)
    return fields.reshape(len(codes), len(starts) - 1, table.shape[1] - 1), first


def scatter_fields(gradient: Float32, codes: Codes, starts: Starts, fields: Float32, first: Float32) -> None:
    """Add to a table's gradient [n, dim + 1] what those of `gather_fields`' two results make of it.

    Columns of different fields must name different rows, 0 apart: each field is one thread's.

    Parameters
    ----------
    gradient : float32 array [n, dim + 1]
        Changed; its row 0 stays.
    codes, starts
        As for `gather_fields`.
    fields, first : float32 arrays [events, fields, dim], [events]
    """
    _scatter(gradient, *read_only(codes, starts, np.ascontiguousarray(fields), np.ascontiguousarray(first)))


def pair_sums(fields: Float32) -> tuple[Float32, Float32]:
    """Sum over pairs of fields of their elementwise products (Rendle, 2010, lemma 3.1), and of the fields.

    Parameters
    ----------
    fields : float32 array [events, fields, dim]

    Returns
    -------
    pairs, sums : float32 arrays [events, dim]

    Examples
    --------
    >>> pair_sums(np.array([[[2.0], [3.0], [4.0]]], dtype=np.float32))
    (array([[26.]], dtype=float32), array([[9.]], dtype=float32))
    """
    pairs, sums = (empty((len(fields), fields.shape[2])) for _ in range(2))
    _pair_sums(*read_only(fields), pairs, sums)
    return pairs, sums


def pair_gradient(upstream: Float32, fields: Float32, sums: Float32) -> Float32:
    """Gradient of `pair_sums`' first result by the fields: upstream · (sum of the other fields).

    Parameters
    ----------
    upstream, sums : float32 arrays [events, dim]
    fields : float32 array [events, fields, dim]

    Returns
    -------
    float32 array [events, fields, dim]
    """
    out = empty((len(fields) * fields.shape[1], fields.shape[2])).reshape(fields.shape)
    _pair_gradient(*read_only(np.ascontiguousarray(upstream), fields, sums), out)
    return out


@njit(parallel=True, cache=True, error_model="numpy")
def _gather(table: Any, codes: Any, starts: Any, fields: Any, first: Any) -> None:
    groups, dim = len(starts) - 1, table.shape[1] - 1
    for event in prange(len(codes)):
        total = np.float32(0)
        for group in range(groups):
            at, stop = starts[group], starts[group + 1]
            row = event * groups + group
            if stop - at == 1:
                code = codes[event, at]
                for d in range(dim):
                    fields[row, d] = table[code, d]
                total += table[code, dim]
                continue
            known, weight = 0, np.float32(0)
            for d in range(dim):
                fields[row, d] = 0
            for column in range(at, stop):
                code = codes[event, column]
                if code > 0:
                    known += 1
                    weight += table[code, dim]
                    for d in range(dim):
                        fields[row, d] += table[code, d]
            share = np.float32(1 / max(known, 1))
            for d in range(dim):
                fields[row, d] *= share
            total += weight * share
        first[event] = total


@njit(parallel=True, cache=True, error_model="numpy")
def _scatter(gradient: Any, codes: Any, starts: Any, fields: Any, first: Any) -> None:
    dim = gradient.shape[1] - 1
    for group in prange(len(starts) - 1):
        at, stop = starts[group], starts[group + 1]
        for event in range(len(codes)):
            known = 0
            for column in range(at, stop):
                known += codes[event, column] > 0
            share = np.float32(1 / max(known, 1))
            for column in range(at, stop):
                code = codes[event, column]
                if code > 0:
                    for d in range(dim):
                        gradient[code, d] += share * fields[event, group, d]
                    gradient[code, dim] += share * first[event]


@njit(parallel=True, cache=True, error_model="numpy")
def _pair_sums(fields: Any, pairs: Any, sums: Any) -> None:
    for event in prange(len(fields)):
        for d in range(fields.shape[2]):
            sums[event, d] = 0
            pairs[event, d] = 0
        for field in range(fields.shape[1]):
            for d in range(fields.shape[2]):
                value = fields[event, field, d]
                pairs[event, d] += value * sums[event, d]
                sums[event, d] += value


@njit(parallel=True, cache=True, error_model="numpy")
def _pair_gradient(upstream: Any, fields: Any, sums: Any, out: Any) -> None:
    for event in prange(len(fields)):
        for field in range(fields.shape[1]):
            for d in range(fields.shape[2]):
                out[event, field, d] = upstream[event, d] * (sums[event, d] - fields[event, field, d])
