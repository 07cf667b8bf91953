"""The adapter of BrainPort for a brain behind HTTP: ours (`manage.py brain`) or the original.

`adapter` is the port, `transport` the connection with deadline, readiness gate and breaker,
`original` what is peculiar to the original SomaBrain, `fractal` SomaFractalMemory behind it.
Never: trusts an answer to be in scope, takes an unproven acknowledgement for a kept memory.
"""

from memory.brain_http.adapter import HttpBrain
from memory.brain_http.fractal import FractalMemory

__all__ = ["FractalMemory", "HttpBrain"]
