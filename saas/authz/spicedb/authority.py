"""The networked authority. The client (`authzed`) is an optional extra, imported when it is bound.

Roles and grants are asked of SpiceDB; what the row at hand says was filled in before. While SpiceDB
is away every question is denied with AuthorityAway, and the health page says so.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from redis.exceptions import RedisError

from kernel.actor import Actor
from kernel.clock import monotonic_s
from kernel.locks import take_turns
from kernel.ports import Probe
from kernel.remembered import Kept
from kernel.valkey import sync_client
from saas.authz.ports import AuthorityAway, Question
from saas.authz.schema import SCHEMA
from saas.authz.spicedb.language import PERSON, zed_schema
from saas.authz.spicedb.tuples import Tuple, object_name, person_name, wanted_tuples

DEADLINE_S = 2.0
# SpiceDB takes so many changes in one call.
AT_ONCE = 500
TOKENS = "soma:authz:zed:"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SpiceDBPlace:
    """Where SpiceDB is. `key`: pre-shared; `tls`: whether the line is encrypted."""

    address: str
    key: str
    tls: bool = True


class SpiceDBAuthority:
    """Answers from SpiceDB, at least as fresh as the last change that was mirrored."""

    is_mirror = True

    def __init__(self, place: SpiceDBPlace) -> None:
        import authzed.api.v1
        import grpc
        import grpcutil

        self._v1: Any = authzed.api.v1
        self._failure = grpc.RpcError
        credentials = (
            grpcutil.bearer_token_credentials(place.key)
            if place.tls
            else grpcutil.insecure_bearer_token_credentials(place.key)
        )
        self._client: Any = authzed.api.v1.SyncClient(place.address, credentials)
        self._tokens: Kept[UUID, str] = Kept()

    def known(self, actor: Actor, question: Question) -> bool | None:
        """See the port: the platform's admins are known to the session."""
        if question.kind == "platform":
            return actor.is_platform_admin
        if actor.tenant_id is None or question.object_id is None:
            return False
        return None

    def ask(self, actor: Actor, questions: Sequence[Question]) -> Sequence[bool]:
        """See the port. One call."""
        if not questions or actor.tenant_id is None:
            return [False] * len(questions)
        v1 = self._v1
        subject = self._subject(person_name(actor.tenant_id, actor.user_id))
        items = [
            v1.CheckBulkPermissionsRequestItem(
                resource=v1.ObjectReference(
                    object_type=one.kind,
                    object_id=object_name(actor.tenant_id, one.kind, one.object_id),
                ),
                permission=one.name,
                subject=subject,
            )
            for one in questions
        ]
        request = v1.CheckBulkPermissionsRequest(
            consistency=self._freshness(actor.tenant_id), items=items
        )
        with self._reached():
            answer = self._client.CheckBulkPermissions(request, timeout=DEADLINE_S)
        yes = v1.CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION
        return [
            pair.WhichOneof("response") == "item" and pair.item.permissionship == yes
            for pair in answer.pairs
        ]

    def granted(self, actor: Actor, kind: str, relation: str) -> Any:
        """See the port: the ids themselves, because the facts are elsewhere."""
        if actor.tenant_id is None:
            return None
        person = person_name(actor.tenant_id, actor.user_id)
        request = self._v1.LookupResourcesRequest(
            consistency=self._freshness(actor.tenant_id),
            resource_object_type=kind,
            permission=relation,
            subject=self._subject(person),
        )
        with self._reached():
            found = self._client.LookupResources(request, timeout=DEADLINE_S)
            return [UUID(one.resource_object_id.rpartition("/")[2]) for one in found] or None

    def mirror(self, tenant_id: UUID, user_id: UUID | None) -> int:
        """See the port. In the open unit of the tenant; safe to repeat.

        One at a time for a tenant: a slower one must not bring back what it read before another.
        """
        with connection.cursor() as cursor:
            take_turns(cursor, [f"mirror {tenant_id}"])
        wanted = wanted_tuples(tenant_id, user_id)
        held = self._held(tenant_id, user_id)
        update = self._v1.RelationshipUpdate
        changes = [
            *((update.OPERATION_DELETE, one) for one in held - wanted),
            *((update.OPERATION_TOUCH, one) for one in wanted - held),
        ]
        # A tuple whose end alone changed is touched, not deleted first.
        touched = {_without_end(one) for kind, one in changes if kind == update.OPERATION_TOUCH}
        self.write(
            tenant_id,
            [
                (kind, one)
                for kind, one in changes
                if kind == update.OPERATION_TOUCH or _without_end(one) not in touched
            ],
        )
        return len(changes)

    def write(self, tenant_id: UUID, changes: Sequence[tuple[int, Tuple]]) -> None:
        """Write changes and keep the token of the last. Raises: AuthorityAway."""
        for first in range(0, len(changes), AT_ONCE):
            updates = [
                self._v1.RelationshipUpdate(operation=kind, relationship=self._relationship(one))
                for kind, one in changes[first : first + AT_ONCE]
            ]
            request = self._v1.WriteRelationshipsRequest(updates=updates)
            with self._reached():
                written = self._client.WriteRelationships(request, timeout=DEADLINE_S * 5)
            self._keep_token(tenant_id, written.written_at.token)

    def prepare(self) -> None:
        """See the port: write the table of permissions."""
        with self._reached():
            self._client.WriteSchema(
                self._v1.WriteSchemaRequest(schema=zed_schema()), timeout=DEADLINE_S * 5
            )

    def probe(self) -> Probe:
        """Read the schema."""
        started = monotonic_s()
        try:
            with self._reached():
                self._client.ReadSchema(self._v1.ReadSchemaRequest(), timeout=DEADLINE_S)
        except AuthorityAway as exc:
            return Probe(
                ok=False,
                detail=exc.data.get("reason", "away"),
                advice="Start SpiceDB again and run `manage.py spicedb_sync`; until then "
                "everything that it decides is denied.",
            )
        return Probe(ok=True, latency_ms=(monotonic_s() - started) * 1000)

    def _held(self, tenant_id: UUID, user_id: UUID | None) -> set[Tuple]:
        """What SpiceDB holds of a person, or of the tenant."""
        v1 = self._v1
        found: set[Tuple] = set()
        for kind, entry in SCHEMA.items():
            if kind != "tenant" and not entry.grantable:
                continue
            asked: dict[str, Any] = {"resource_type": kind}
            if kind == "tenant":
                asked["optional_resource_id"] = str(tenant_id)
            else:
                asked["optional_resource_id_prefix"] = f"{tenant_id}/"
            if user_id is not None:
                person = person_name(tenant_id, user_id)
                asked["optional_subject_filter"] = v1.SubjectFilter(
                    subject_type=PERSON, optional_subject_id=person
                )
            request = v1.ReadRelationshipsRequest(
                consistency=v1.Consistency(fully_consistent=True),
                relationship_filter=v1.RelationshipFilter(**asked),
            )
            with self._reached():
                for one in self._client.ReadRelationships(request, timeout=DEADLINE_S * 10):
                    found.add(_tuple_of(one.relationship))
        return found

    def _relationship(self, one: Tuple) -> Any:
        v1 = self._v1
        made = v1.Relationship(
            resource=v1.ObjectReference(object_type=one.kind, object_id=one.object_id),
            relation=one.relation,
            subject=self._subject(one.person),
        )
        if one.expires_at is not None:
            made.optional_expires_at.FromDatetime(one.expires_at)
        return made

    def _subject(self, person: str) -> Any:
        v1 = self._v1
        return v1.SubjectReference(object=v1.ObjectReference(object_type=PERSON, object_id=person))

    def _freshness(self, tenant_id: UUID) -> Any:
        """At least as fresh as what was mirrored last; without a token, the very newest."""
        v1 = self._v1
        token = self._tokens.get(tenant_id)
        if token is None:
            stamp = self._tokens.stamp()
            token = _read_token(tenant_id)
            if token:
                self._tokens.keep(tenant_id, token, stamp)
        if not token:
            return v1.Consistency(fully_consistent=True)
        return v1.Consistency(at_least_as_fresh=v1.ZedToken(token=token))

    def _keep_token(self, tenant_id: UUID, token: str) -> None:
        self._tokens.forget(tenant_id)
        try:
            sync_client().set(f"{TOKENS}{tenant_id}", token)
        except RedisError:
            # Without a token everybody asks for the newest: slower, never older.
            log.info("spicedb.token_not_kept")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except self._failure as exc:
            code = exc.code().name if hasattr(exc, "code") else type(exc).__name__
            log.warning("spicedb.failed", code=code)
            raise AuthorityAway(
                "Until it answers again, this is denied. Nothing was changed.",
                retry_after=2, reason=code,
            ) from exc  # fmt: skip


def _read_token(tenant_id: UUID) -> str:
    try:
        found = sync_client().get(f"{TOKENS}{tenant_id}")
    except RedisError:
        return ""
    return found.decode() if isinstance(found, bytes) else ""


def _tuple_of(held: Any) -> Tuple:
    end = held.optional_expires_at.ToDatetime() if held.HasField("optional_expires_at") else None
    return Tuple(
        held.resource.object_type,
        held.resource.object_id,
        held.relation,
        held.subject.object.object_id,
        end.replace(tzinfo=UTC) if end else None,
    )


def _without_end(one: Tuple) -> tuple[str, str, str, str]:
    return one.kind, one.object_id, one.relation, one.person
