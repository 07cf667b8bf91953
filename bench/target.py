"""A target and what was measured: one printed line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `limit`: the largest value that meets the target, or the least."""

    name: str
    value: float
    limit: float
    unit: str
    digits: int = 0
    note: str = ""
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Compared as it is printed: nobody sees more digits than that."""
        shown = round(self.value, self.digits)
        return shown >= self.limit if self.is_least else shown <= self.limit

    def line(self) -> str:
        """`name | measured | target | met`."""
        measured = f"{self.value:,.{self.digits}f}{self.unit}"
        note = f" ({self.note})" if self.note else ""
        limit = f"{self.limit:,g}{self.unit}" if self.limit else f"0{self.unit}"
        verdict = "met" if self.is_met else "missed"
        sign = ">=" if self.is_least else "<="
        return f"{self.name} | {measured}{note} | {sign} {limit} | {verdict}"


@dataclass(frozen=True, slots=True)
class Quote:
    """A line for comparison: a peer's figure, measured here or quoted. Not counted."""

    name: str
    value: str
    source: str

    def line(self) -> str:
        """`name | value | - | source`."""
        return f"{self.name} | {self.value} | - | {self.source}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def middle(values: Sequence[float]) -> float:
    """The median."""
    return median(values)
