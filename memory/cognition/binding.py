"""Holographic reduced representations: who did what to whom, in one vector.

A role and its filler are bound by circular convolution, bound pairs are added up, and the filler of
a role is read back by unbinding (Plate, "Holographic reduced representations", IEEE TNN 1995).

Different from SomaBrain on purpose: codes have zero mean.  Its default code is +1 for a tenth of
the elements and -1 for all others, so that any two texts have a cosine of 0.64 and nothing can be
told apart.  Roles here are unitary and bound by convolution, so that unbinding is exact and adds
no noise; the regularised inverse (`unbind`) is for pairs of codes and follows the original.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memory.cognition.vectors import Vector, cosine, normalised

DIMENSIONS = 2048
SEED = 42
SPARSITY = 0.1
# The original's effective regulariser (its setting gmd_lambda_reg).
REGULARISER = 2.05e-5


def seed_of(text: str) -> int:
    """Return uint64, little endian, of blake2b(text, 8 bytes), xor 42."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") ^ SEED


def code(text: str, dimensions: int = DIMENSIONS) -> Vector:
    """Return the Gaussian unit code of `text`: zero mean, the same for the same text."""
    rng = np.random.default_rng(seed_of(text))
    return normalised(rng.normal(size=dimensions))


def sparse_code(text: str, dimensions: int = DIMENSIONS) -> Vector:
    """Return the sparse zero-mean code of `text`: a tenth of ones, the mean taken out.

    Seed: uint64, little endian, of sha256("42||||text"), as the original's BHDC engine.
    """
    digest = hashlib.sha256(f"{SEED}||||{text}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    vector = np.zeros(dimensions)
    vector[rng.choice(dimensions, round(SPARSITY * dimensions), replace=False)] = 1.0
    return normalised(vector - vector.mean())


def role(name: str, dimensions: int = DIMENSIONS) -> Vector:
    """Return the unitary code of a role: every frequency of magnitude 1, phases by seed."""
    rng = np.random.default_rng(seed_of(f"role|{name}"))
    spectrum = np.exp(1j * rng.uniform(-np.pi, np.pi, dimensions // 2 + 1))
    # The first and, for even lengths, the last bin of a real signal are real.
    spectrum[0] = 1.0
    if dimensions % 2 == 0:
        spectrum[-1] = 1.0
    return np.fft.irfft(spectrum, n=dimensions)


def bind(left: Vector, right: Vector) -> Vector:
    """Return left ⊛ right (circular convolution), normalised."""
    product = np.fft.rfft(left) * np.fft.rfft(right)
    return normalised(np.fft.irfft(product, n=left.size))


def unbind(bound: Vector, key: Vector, *, regulariser: float = REGULARISER) -> Vector:
    """Return the filler that was bound to `key`: F(c)·conj(F(k)) / (|F(k)|² + lambda)."""
    spectrum = np.fft.rfft(key)
    quotient = np.fft.rfft(bound) * np.conj(spectrum) / (np.abs(spectrum) ** 2 + regulariser)
    return normalised(np.fft.irfft(quotient, n=bound.size))


def superposed(vectors: Sequence[Vector]) -> Vector:
    """Return the normalised sum.  Raises: ValueError for none."""
    if not vectors:
        raise ValueError("There is nothing to superpose.")
    return normalised(np.sum(vectors, axis=0))


def statement(fillers: Mapping[str, str], dimensions: int = DIMENSIONS) -> Vector:
    """Return the vector of a statement such as {"who": "ann", "did": "give", "whom": "bob"}."""
    return superposed(
        [bind(code(text, dimensions), role(name, dimensions)) for name, text in fillers.items()]
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """The filler read for a role, how close it is, and its lead over the second, -1..2."""

    filler: str
    closeness: float
    margin: float


def read(trace: Vector, name: str, candidates: Sequence[str]) -> Reading:
    """Return which of `candidates` fills the role in `trace`.  Raises: ValueError for none."""
    if not candidates:
        raise ValueError("There are no candidates to choose from.")
    # A unitary key needs no regulariser: the inverse is the conjugate.
    echo = unbind(trace, role(name, trace.size), regulariser=0.0)
    ranked = sorted(
        ((cosine(echo, code(text, trace.size)), text) for text in candidates), reverse=True
    )
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    return Reading(ranked[0][1], ranked[0][0], ranked[0][0] - second)
