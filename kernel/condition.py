"""The condition of what this installation depends on, as lower layers may know it.

`health` keeps it; here is the seam, because memory, gateway and chat report failed calls, and chat
shows people what is limited. Without a monitor (commands, most tests) nothing is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from kernel.actor import Actor
from kernel.ports import Port

ServiceState = Literal["ok", "slow", "down", "unknown"]
Level = Literal["none", "minor", "moderate", "severe", "critical"]


@dataclass(frozen=True, slots=True)
class Limitation:
    """What one service that is away or slow means to the person who is told.

    `since`: RFC 3339. `text`: what is limited. `next`: what happens now. `detail`: for operators.
    """

    service: str
    state: ServiceState
    since: str
    text: str
    next: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What one person is shown. `since`: when the level became what it is; RFC 3339."""

    level: Level
    since: str
    limitations: tuple[Limitation, ...] = ()


class Condition(Protocol):
    """Contract: every method answers at once, from what is known, on any thread."""

    def report(self, service: str) -> None:
        """A call to `service` failed: look at it now."""
        ...

    def state(self, service: str) -> ServiceState:
        """What is known of it; "unknown" also for names that are not watched."""
        ...

    def level(self) -> Level:
        """How much is lost, all in all."""
        ...

    def shown_to(self, actor: Actor) -> Shown:
        """What this person is told, in words of their role."""
        ...

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` in the monitor's loop at each change. Returns the way to stop."""
        ...


CONDITION: Port[Condition] = Port("condition")


def report(service: str) -> None:
    """A call to `service` failed. Never waits, never fails."""
    if CONDITION.is_bound:
        CONDITION.get().report(service)


def is_down(service: str) -> bool:
    """Whether `service` did not answer when last looked at. Never waits."""
    return CONDITION.is_bound and CONDITION.get().state(service) == "down"
