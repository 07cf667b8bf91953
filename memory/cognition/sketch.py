"""Frequent directions: which directions a stream of vectors keeps coming back to.

A sketch of `rank` rows stands for all vectors seen, older ones fading; what lies outside its basis
is new.  Source: SomaBrain `math.fd_rho` after Liberty, "Simple and deterministic matrix
sketching" (KDD 2013); rank 128, decay 0.9 unchanged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory.cognition.vectors import EPSILON, Vector, as_vector, cosine

RANK = 128
DECAY = 0.9


class FrequentDirections:
    """The sketch.  `dimensions` of every vector, `rank` rows kept, `decay` an observation."""

    def __init__(self, dimensions: int, *, rank: int = RANK, decay: float = DECAY) -> None:
        self._rank, self._decay, self._dimensions = rank, decay, dimensions
        self._rows: NDArray[np.float64] = np.zeros((0, dimensions))
        self._basis: NDArray[np.float64] = np.zeros((0, dimensions))
        self._shares: Vector = np.zeros(0)
        self.captured_energy = 0.0
        self.total_energy = 0.0

    def observe(self, numbers: Vector) -> tuple[float, float]:
        """Take in one vector; return (residual, capture), both 0..1.

        residual = 1 - |B·v|²/|v|², before the vector is taken in: how new its direction is.
        capture = captured energy / total energy, afterwards: how much the sketch still stands for.
        """
        vector = as_vector(numbers)
        if vector.size != self._dimensions:
            raise ValueError(f"This sketch takes vectors of {self._dimensions} numbers.")
        energy = float(vector @ vector)
        residual = 1.0
        if energy > EPSILON and len(self._basis):
            inside = self._basis @ vector
            residual = float(np.clip(1.0 - float(inside @ inside) / energy, 0.0, 1.0))
        self.total_energy = self.total_energy * self._decay + energy
        self._rows = np.vstack([self._rows * np.sqrt(self._decay), vector])
        self._compress()
        capture = self.captured_energy / self.total_energy if self.total_energy > EPSILON else 0.0
        return residual, float(np.clip(capture, 0.0, 1.0))

    def project(self, numbers: Vector) -> Vector:
        """Return sqrt(share)·B·v: the vector as the sketch sees it."""
        projected: Vector = np.sqrt(self._shares) * (self._basis @ as_vector(numbers))
        return projected

    def similarity(self, left: Vector, right: Vector) -> float:
        """Return the cosine of two projections; 0 for a direction that the sketch does not know."""
        if not len(self._basis):
            return 0.0
        return cosine(self.project(left), self.project(right))

    def _compress(self) -> None:
        """Shrink to `rank` rows when there are more, and refresh basis, shares and energy."""
        _, strengths, directions = np.linalg.svd(self._rows, full_matrices=False)
        if len(self._rows) > self._rank:
            least = strengths[-1] if len(strengths) > self._rank else 0.0
            strengths = np.sqrt(np.maximum(strengths**2 - least**2, 0.0))[: self._rank]
            directions = directions[: self._rank]
            self._rows = strengths[:, None] * directions
        known = strengths > 1e-9
        self._basis, energies = directions[known], strengths[known] ** 2
        self.captured_energy = float(energies.sum())
        self._shares = energies / max(self.captured_energy, EPSILON)
