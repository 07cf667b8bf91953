"""Ports: seams with at least two adapters, bound once by the composition root."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Probe:
    """What an adapter says of itself. `advice` is what an operator should do when not ok.

    `is_limited`: not ok, but most of it works.
    """

    ok: bool
    latency_ms: float | None = None
    detail: str = ""
    advice: str = ""
    is_limited: bool = False


@runtime_checkable
class Probed(Protocol):
    """An adapter that can be probed."""

    def probe(self) -> Probe:
        """Look at the real thing, within its own deadline; never raises."""
        ...


class NotBound(RuntimeError):
    """A port was used before `somaagent.wiring` bound it."""


class Port(Generic[T]):
    """A named seam. `get()` returns the adapter of this process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._adapter: T | None = None
        _ports[name] = self

    def bind(self, adapter: T) -> None:
        """Set the adapter (composition root and contract suites only)."""
        self._adapter = adapter

    def get(self) -> T:
        """The adapter. Raises: NotBound."""
        if self._adapter is None:
            msg = f"port {self.name} has no adapter"
            raise NotBound(msg)
        return self._adapter

    @property
    def is_bound(self) -> bool:
        """Whether an adapter is set."""
        return self._adapter is not None


_ports: dict[str, Port[Any]] = {}


def bind(port: Port[T], adapter: T) -> None:
    """Bind `adapter` to `port`."""
    port.bind(adapter)


def probe_all() -> dict[str, Probe]:
    """Probe each bound adapter that can be probed, by port name."""
    found: dict[str, Probe] = {}
    for name, port in sorted(_ports.items()):
        if port.is_bound and isinstance(port.get(), Probed):
            found[name] = port.get().probe()
    return found
