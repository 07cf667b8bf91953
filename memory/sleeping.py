"""What a brain offers that sleeps in our own worker; one behind HTTP sleeps in its own process."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Sleeper(Protocol):
    """Sleep cycles that need somebody to drive them.  For the worker, outside any unit."""

    def sleep_a_while(self) -> bool:
        """Do steps of open cycles for about a second; whether any is still open."""
        ...

    def plan_sleep(self) -> int:
        """Start the cycles that are due by idleness or by age; return how many."""
        ...
