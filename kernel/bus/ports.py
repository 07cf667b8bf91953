"""The bus port: publish and listen by topic."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from kernel.ports import Port, Probe

Payload = dict[str, Any]
Listener = Callable[[Payload], Awaitable[None] | None]


class Bus(Protocol):
    """Contract: at most once; order per topic and publisher; listeners learn of gaps.

    A listener gets `{"reset": True}` after the connection was lost, because messages may have been
    missed: it must then look at the state itself.
    """

    def publish(self, topic: str, payload: Payload) -> bool:
        """Send from synchronous code; False when the bus is away (never raises)."""
        ...

    async def apublish(self, topic: str, payload: Payload) -> bool:
        """Send from the event loop; False when the bus is away (never raises)."""
        ...

    async def listen(self, topic: str, listener: Listener) -> Callable[[], Awaitable[None]]:
        """Call `listener` for each message of `topic` from now on. Returns the way to stop."""
        ...

    def probe(self) -> Probe:
        """Round trip."""
        ...


BUS: Port[Bus] = Port("bus")
