"""The authorisation port: who answers what neither the actor nor the row at hand can say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from kernel.actor import Actor
from kernel.errors import Unavailable
from kernel.ports import Port, Probe


class AuthorityAway(Unavailable):
    """The engine cannot be asked: everything that depends on it is denied."""

    code, title = "authorisation-away", "What you may do cannot be looked up right now"


@dataclass(frozen=True, slots=True)
class Question:
    """Does the actor stand in `name` (a relation or a permission) to this object?

    `object_id` None: the platform, or an object that does not exist yet.
    """

    kind: str
    object_id: UUID | None
    name: str


class Authority(Protocol):
    """Contract: objects are of the actor's own tenant; the caller has made sure of that.

    An answer follows from facts that were committed before the question was put; those of a mirror,
    from facts that were mirrored before.
    """

    # Whether facts are copied to the engine, behind the database.
    is_mirror: bool

    def known(self, actor: Actor, question: Question) -> bool | None:
        """The answer, when it costs nothing; None: it must be asked for."""
        ...

    def ask(self, actor: Actor, questions: Sequence[Question]) -> Sequence[bool]:
        """All answers at once. Raises: AuthorityAway."""
        ...

    def granted(self, actor: Actor, kind: str, relation: str) -> Any:
        """A query or a list of ids: on which the actor was given `relation`. None: on none.

        Raises: AuthorityAway.
        """
        ...

    def prepare(self) -> None:
        """Make the engine know the table of permissions. Raises: AuthorityAway."""
        ...

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:
        """Make the engine's copy of a person's facts (None: of the tenant's) what the database has.

        Returns how many tuples were written or deleted. Raises: AuthorityAway.
        """
        ...

    def probe(self) -> Probe:
        """Whether it answers."""
        ...


AUTHORITY: Port[Authority] = Port("authorisation")
