"""The backbone port: events of the outbox on their way to consumers, durable and in order.

Delivery is at least once; the consumer's inbox makes it once in effect (see `kernel.consuming`).
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kernel.errors import Unavailable
from kernel.ports import Port, Probe


class BackboneAway(Unavailable):
    """The backbone cannot be reached; nothing is lost, the outbox holds what is not published."""

    code, title = "backbone-away", "Events wait until their bus can be reached again"


@dataclass(frozen=True, slots=True)
class Record:
    """One message. Records of one topic and key are read in the order of their publication."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lag:
    """What a group has not read yet. `oldest_s`: age of the oldest, None when nobody can say."""

    records: int
    oldest_s: float | None


class Reader(Protocol):
    """One member of a group of readers."""

    def batch(self, limit: int, wait_s: float) -> AbstractContextManager[Sequence[Record]]:
        """Up to `limit` records, waiting `wait_s` for the first; taken when the block ends well.

        When the block raises, or the process dies in it, the records are read again, by this or
        another member. Raises: BackboneAway.
        """
        ...

    def close(self) -> None:
        """Leave the group at once, so that others take over."""
        ...


class Backbone(Protocol):
    """Contract: durable when `publish` returns; each group reads everything, each member a share.

    `is_inline`: reading costs nothing when there is nothing to read and never waits, so that the
    relay reads by itself after publishing; otherwise consumers run on their own.
    """

    is_inline: bool

    def publish(self, records: Sequence[Record]) -> Mapping[int, str]:
        """Append in order. Returns the places of records that can never be published, with why.

        Raises: BackboneAway; then some may have been published all the same: publish all again.
        """
        ...

    def move(self, limit: int, topics: Mapping[str, str]) -> int | None:
        """Take over up to `limit` events of the outbox, in the relay's open unit, in their order.

        For a backbone in the outbox's own database: nothing travels through this process. None:
        it stands elsewhere, publish to it. `topics`: of the types that do not go by their name.
        """
        ...

    def reader(self, group: str, topics: Sequence[str]) -> Reader:
        """A new member of `group`. A group that is new begins with what is kept."""
        ...

    def unread(
        self,
        group: str,
        topics: Sequence[str],
        tenant_id: UUID,
        types: Sequence[str],
        user_id: UUID | None = None,
    ) -> int:
        """Events of a tenant that the group has not read; 0 from a backbone that cannot tell.

        `types` of events, and the `topics` that they travel on. `user_id`: only events that
        carry it.
        """
        ...

    def lag(self, group: str, topics: Sequence[str]) -> Lag:
        """How far `group` is behind. Raises: BackboneAway."""
        ...

    def forget(self) -> int:
        """Delete what every group has read and is past its retention. Returns how many.

        A backbone that does so by itself returns 0.
        """
        ...

    def probe(self) -> Probe:
        """Round trip, within two seconds."""
        ...

    def close(self) -> None:
        """Give up connections; what `publish` returned for is safe."""
        ...


BACKBONE: Port[Backbone] = Port("backbone")
