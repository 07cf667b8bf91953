"""What this process holds of one account, and what its calls reserved of that. Pure.

    held (in the database, by this process) = reserved + spent (not settled yet) + free

`free` is negative after an answer that exceeded its reservation, until more is taken or settled.
"""

from dataclasses import dataclass

# A process that could not renew its leases for so long lends nothing more: the database gives them
# to others `store.LEASE_S` after the last renewal.
TRUSTED_S = 20.0


@dataclass(slots=True)
class Purse:
    """`renewed_at`, `used_at`: monotonic seconds."""

    held: int = 0
    reserved: int = 0
    spent: int = 0
    renewed_at: float = 0.0
    used_at: float = 0.0

    @property
    def free(self) -> int:
        """What may be reserved without asking the database."""
        return self.held - self.reserved - self.spent

    def missing(self, micros: int, now_s: float) -> int:
        """How much must be taken before `micros` can be reserved; 0: nothing."""
        free = 0 if self.is_stale(now_s) else self.free
        return max(0, micros - free)

    def is_stale(self, now_s: float) -> bool:
        """Whether the database may have given to others what is held here."""
        return self.held > 0 and now_s - self.renewed_at >= TRUSTED_S

    def took(self, micros: int, now_s: float) -> None:
        """The database lent more."""
        self.held += micros
        self.renewed_at = now_s

    def reserve(self, micros: int, now_s: float) -> None:
        """Set aside for one call; the caller looked at `missing` in the same breath."""
        self.reserved += micros
        self.used_at = now_s

    def release(self, micros: int) -> None:
        """A call ended without spending what it had reserved."""
        self.reserved -= micros

    def settle(self, reserved: int, spent: int) -> None:
        """A call ended: what it spent, out of what it had reserved."""
        self.reserved -= reserved
        self.spent += spent

    def settled(self, spent: int, drawn: int) -> None:
        """The database knows of `spent`; `drawn` of it came out of what was held."""
        self.spent -= spent
        self.held -= drawn

    def give_back(self) -> int:
        """All that is free leaves the purse; returns how much."""
        free = max(0, self.free)
        self.held -= free
        return free

    def lost(self) -> None:
        """The database no longer knows of what was held."""
        self.held = 0
