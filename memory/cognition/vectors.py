"""Cosine and normalising, with one idea of what counts as zero.

Never returns NaN: a vector shorter than EPSILON has no direction, so its cosine with anything is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EPSILON = 1e-12

Vector = NDArray[np.float64]


def as_vector(numbers: Sequence[float] | Vector) -> Vector:
    """Return `numbers` as a finite one-dimensional float64 array.

    Raises: ValueError for NaN, infinity or more than one dimension.
    """
    vector = np.asarray(numbers, dtype=np.float64)
    if vector.ndim != 1 or not np.all(np.isfinite(vector)):
        raise ValueError("A vector is a flat list of finite numbers.")
    return vector


def normalised(vector: Vector) -> Vector:
    """Return v / |v|; the zero vector when |v| <= EPSILON."""
    length = float(np.linalg.norm(vector))
    if length <= EPSILON:
        return np.zeros_like(vector)
    return vector / length


def cosine(left: Vector, right: Vector) -> float:
    """Return cos(left, right), -1..1; 0 when either has no direction.

    Raises: ValueError when the lengths differ.  Source: SomaBrain `math.similarity`.
    """
    if left.shape != right.shape:
        raise ValueError(f"Vectors of length {left.size} and {right.size} cannot be compared.")
    product = float(np.linalg.norm(left)) * float(np.linalg.norm(right))
    if np.linalg.norm(left) <= EPSILON or np.linalg.norm(right) <= EPSILON:
        return 0.0
    return float(np.clip(float(left @ right) / product, -1.0, 1.0))


def clamped(value: float, low: float, high: float) -> float:
    """Return `value` held within [low, high]."""
    return min(high, max(low, value))


def clamped01(value: float) -> float:
    """Return `value` held within [0, 1]."""
    return clamped(value, 0.0, 1.0)
