"""The embedded authority: roles from the actor, grants from one statement.

Grants are remembered for less than a second and forgotten at every change (`saas.authz.rights`).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from kernel.actor import Actor
from kernel.clock import now
from kernel.ports import Probe
from saas.authz.ports import Question
from saas.authz.rights import GRANTS
from saas.authz.schema import SCHEMA, Both, Either, Expression, One, Via, gives
from saas.models import Grant

Place = tuple[str, UUID]

# By hand, because many an operation begins here: building it costs more than answering it.
_ON_PLACES = """
select g.object_type, g.object_id, g.relation
from saas_grant g join unnest(%s::text[], %s::uuid[]) as place (kind, id)
  on g.object_type = place.kind and g.object_id = place.id
where g.tenant_id = %s and g.user_id = %s and (g.expires_at is null or g.expires_at > %s)
"""


class EmbeddedAuthority:
    """Answers from the membership (by way of the actor) and from `saas_grant`."""

    is_mirror = False

    def known(self, actor: Actor, question: Question) -> bool | None:
        """See the port."""
        return _answer(actor, question, None)

    def ask(self, actor: Actor, questions: Sequence[Question]) -> Sequence[bool]:
        """See the port. One statement; none while the grants are remembered."""
        places = {
            (one.kind, one.object_id)
            for one in questions
            if one.object_id and SCHEMA[one.kind].grantable
        }
        given = _grants_on(actor, places)
        return [bool(_answer(actor, one, given)) for one in questions]

    def granted(self, actor: Actor, kind: str, relation: str) -> Any:
        """See the port: a sub-query."""
        if not actor.has_grants:
            return None
        return _valid(actor).filter(object_type=kind, relation=relation).values("object_id")

    def prepare(self) -> None:
        """See the port: it reads the table itself."""

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:
        """See the port: the facts are asked where they are."""
        del tenant_id, user_id
        return 0

    def probe(self) -> Probe:
        """The database has a probe of its own."""
        return Probe(ok=True)


def _answer(
    actor: Actor, question: Question, given: dict[Place, frozenset[str]] | None
) -> bool | None:
    """`given`: the grants of the places asked about; None: they have not been read."""
    kind, name = question.kind, question.name
    if kind == "platform":
        return actor.is_platform_admin
    if kind == "tenant":
        return _in_tenant(actor, SCHEMA[kind].permissions.get(name, One(name)))
    if not actor.has_grants:
        return False
    if given is None:
        return None
    return question.object_id is not None and name in given.get(
        (kind, question.object_id), frozenset()
    )


def _in_tenant(actor: Actor, expression: Expression) -> bool:
    """Whether a role of the actor, or the right of an own role, gives it."""
    match expression:
        case One(relation):
            return relation in actor.roles or gives(relation) in actor.rights
        case Via():
            raise LookupError("a tenant points at nothing")
        case Either(terms):
            return any(_in_tenant(actor, term) for term in terms)
        case Both(terms):
            return all(_in_tenant(actor, term) for term in terms)


def _grants_on(actor: Actor, places: set[Place]) -> dict[Place, frozenset[str]]:
    keys = {place: (actor.tenant_id, actor.user_id, *place) for place in places}
    found = {place: kept for place, key in keys.items() if (kept := GRANTS.get(key)) is not None}
    missing = places - set(found)
    if not missing:
        return found
    stamp = GRANTS.stamp()
    kinds, ids = [kind for kind, _ in missing], [object_id for _, object_id in missing]
    with connection.cursor() as cursor:
        cursor.execute(_ON_PLACES, [kinds, ids, actor.tenant_id, actor.user_id, now()])
        rows = cursor.fetchall()
    read: dict[Place, set[str]] = {place: set() for place in missing}
    for kind, object_id, relation in rows:
        read[kind, object_id].add(relation)
    for place, relations in read.items():
        found[place] = frozenset(relations)
        GRANTS.keep(keys[place], found[place], stamp)
    return found


def _valid(actor: Actor) -> Any:
    moment = now()
    return Grant.objects.filter(tenant_id=actor.tenant_id, user_id=actor.user_id).filter(
        Q(expires_at=None) | Q(expires_at__gt=moment)
    )
