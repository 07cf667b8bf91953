"""Sessions: opened at sign-in, found by the digest of the cookie, ended by time or by hand."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import platform_unit
from kernel.errors import NotFound, Unauthenticated
from saas.authz.rights import tell_rights
from saas.errors import BoundToTenant, ImpersonationEnded
from saas.identity import copying, mails
from saas.identity.onetime import digest
from saas.identity.policy import policy_of, session_limit
from saas.identity.step_up import require_step_up
from saas.models import Membership, Role, Session, Tenant, Ticket, User
from saas.people.standing import COLUMNS, standing

COOKIE = "soma_session"
DEVICE_COOKIE = "soma_device"
DEVICE_LIFE = timedelta(days=365)
# Of ended ones: by them a device is known again, so that its person is not warned of it anew.
KEPT = timedelta(days=90)
TICKET_LIFE = timedelta(seconds=30)
# Writing every request's time would be a write per read.
SEEN_EVERY = timedelta(minutes=1)
# Requests that left the browser before a rotation arrive within this.
ROTATION_GRACE = timedelta(seconds=20)
ADMINISTRATORS = frozenset({Role.SYSADMIN, Role.ADMIN})

_FIND = """
select s.id, s.user_id, s.tenant_id, s.last_seen_at, u.is_platform_admin,
       u.must_change_password, s.is_strong, s.acted_by_id, s.acted_from, p.mfa, {columns}
from saas_session s
join saas_user u on u.id = s.user_id and u.is_active
left join saas_tenant t on t.id = s.tenant_id
left join saas_membership m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
  and m.suspended_at is null
left join saas_identitypolicy p on p.tenant_id = s.tenant_id
where {key} and s.ended_at is null and s.expires_at > %(now)s
  and (s.is_program or s.last_seen_at >
       %(now)s - coalesce(make_interval(mins => p.idle_minutes), %(idle)s))
  and (s.acted_by_id is null or (
    m.role is not null and not u.is_platform_admin
    and (s.is_break_glass or coalesce(p.allows_impersonation, true))
    and exists (select 1 from saas_session o join saas_user a on a.id = o.user_id
      where o.id = s.acted_from and o.user_id = s.acted_by_id and a.is_active
        and a.is_platform_admin and o.ended_at is null and o.expires_at > %(now)s)))
"""
_BY_SECRET = _FIND.format(key="s.secret_hash = %(key)s", columns=COLUMNS)
_BY_PREVIOUS = _FIND.format(
    key="s.previous_hash = %(key)s and s.rotated_at > %(grace)s", columns=COLUMNS
)
_BY_ID = _FIND.format(key="s.id = %(key)s", columns=COLUMNS)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who knocks: address and user agent, and the device's cookie when it has one."""

    address: str = ""
    agent: str = ""
    device: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """How a person was recognised. `methods`: of RFC 8176, section 2."""

    methods: tuple[str, ...] = ("pwd",)
    is_strong: bool = False
    # When it was shown; None: just now.
    at: datetime | None = None

    def after(self, first: Iterable[str]) -> "Proof":
        """This one, shown after others: all that happened, in its order, "mfa" at the end."""
        methods = dict.fromkeys((*first, *self.methods))
        return replace(self, methods=tuple(sorted(methods, key=lambda one: one == "mfa")))


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its person sees it."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    address: str | None
    user_agent: str
    methods: list[str]
    is_current: bool
    # The platform admin who acts as the person in it; empty: the person themselves.
    acted_by: str


def open_session(
    user: User,
    tenant: Tenant | None,
    visitor: Visitor,
    proof: Proof,
    *,
    life: timedelta | None = None,
) -> str:
    """Start a session. Returns the cookie's secret, which is kept nowhere else.

    `life`: of a program's session, which does not end by idleness.
    The sessions least recently used end when there are more than the tenant allows. A device that
    the person has not used before is told of by mail.
    """
    # asvs: 7.2.2, 7.2.3
    secret = secrets.token_urlsafe(32)
    policy = policy_of(tenant.id if tenant else None)
    is_program = life is not None
    if policy.absolute_hours is not None:
        life = timedelta(hours=policy.absolute_hours)
    device = digest(visitor.device or visitor.agent)
    with transaction.atomic():
        earlier = Session.objects.filter(user=user, acted_by=None)
        if earlier.exists() and not earlier.filter(device=device).exists():
            mails.new_device(user, visitor.address, visitor.agent)
        Session.objects.create(
            user=user,
            tenant=tenant,
            secret_hash=digest(secret),
            expires_at=now() + (life or settings.SESSION_ABSOLUTE),
            is_program=is_program,
            address=visitor.address or None,
            user_agent=visitor.agent[:300],
            device=device,
            methods=" ".join(proof.methods),
            is_strong=proof.is_strong,
            authenticated_at=proof.at or now(),
            last_seen_at=now(),
        )
        own = _open_of(user.id).filter(acted_by=None)
        newest = own.order_by("-last_seen_at", "-created_at").values_list("id")
        _end(user.id, [one for (one,) in newest[session_limit(policy) :]])
    return secret


def open_acting(
    actor: Actor, user_id: UUID, tenant_id: UUID, life: timedelta, *, is_break_glass: bool
) -> tuple[str, Session]:
    """A session of `user_id` in which `actor` acts. Gives the cookie's secret and the row.

    It is as strong as the session that it was begun in, and ends with that one.
    """
    assert actor.session_id is not None  # noqa: S101  # a step-up was asked for
    secret = secrets.token_urlsafe(32)
    own = Session.objects.get(id=actor.session_id)
    row = Session.objects.create(
        user_id=user_id,
        tenant_id=tenant_id,
        secret_hash=digest(secret),
        expires_at=now() + life,
        address=own.address,
        user_agent=own.user_agent,
        device=own.device,
        methods=own.methods,
        is_strong=own.is_strong,
        acted_by_id=actor.user_id,
        acted_from=own.id,
        is_break_glass=is_break_glass,
        authenticated_at=own.authenticated_at,
        last_seen_at=now(),
    )
    return secret, row


def leave_acting(secret: str) -> tuple[UUID, str]:
    """From a session in which somebody acted, open or ended, back to their own.

    Gives the id of the first and a new secret of the second. Works once.
    Raises: Unauthenticated (their own has ended as well).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update saas_session set secret_hash = 'left ' || id where secret_hash = %s "
            "and acted_by_id is not null returning id, user_id, acted_from",
            [digest(secret)],
        )
        row = cursor.fetchone()
        if row is None:
            raise Unauthenticated
        session_id, user_id, own_id = row
        _end(user_id, [session_id])
        own = Session.objects.filter(id=own_id, ended_at=None, expires_at__gt=now())
        # It was not idle: its person worked in another's name.
        if not own.update(last_seen_at=now()):
            raise Unauthenticated
        return session_id, rotate(own_id)


def own_session(session_id: UUID) -> UUID:
    """The session out of which somebody acts in this one."""
    found = Session.objects.values_list("acted_from", flat=True).get(id=session_id)
    assert found is not None  # noqa: S101  # asked of sessions with `acted_by` only
    return found


def rotate(session_id: UUID) -> str:
    """A new secret for a session whose rights grew; the old one ends within seconds."""
    secret = secrets.token_urlsafe(32)
    with connection.cursor() as cursor:
        cursor.execute(
            "update saas_session set previous_hash = secret_hash, secret_hash = %s, "
            "rotated_at = %s where id = %s",
            [digest(secret), now(), session_id],
        )
    return secret


def strengthen(session_id: UUID, proof: Proof) -> None:
    """The person has proved again who it is (step-up, a second factor set up)."""
    row = Session.objects.get(id=session_id)
    row.authenticated_at = now()
    if proof.is_strong:
        row.is_strong = True
        row.methods = " ".join(proof.after(row.methods.split()).methods)
    row.save(update_fields=["authenticated_at", "is_strong", "methods"])


def authenticate(secret: str | None, request_id: str) -> Actor:
    """The actor behind a session cookie. One indexed query.

    Raises: Unauthenticated, ImpersonationEnded.
    """
    if not secret:
        raise Unauthenticated
    key = digest(secret)
    try:
        return _find(_BY_SECRET, key, request_id)
    except Unauthenticated:
        pass
    try:
        return _find(_BY_PREVIOUS, key, request_id)
    except Unauthenticated as exc:
        if Session.objects.filter(secret_hash=key, acted_by__isnull=False).exists():
            raise ImpersonationEnded from exc
        raise


def reauthenticate(session_id: UUID, request_id: str) -> Actor:
    """The actor of a session as it is now (open sockets, tokens). Raises: Unauthenticated."""
    return _find(_BY_ID, session_id, request_id)


def list_sessions(actor: Actor) -> list[SessionView]:
    """The person's open sessions, the last used first."""
    rows = _open_of(actor.user_id).select_related("acted_by").order_by("-last_seen_at")
    return [
        SessionView(
            row.id,
            row.created_at,
            row.last_seen_at,
            row.address,
            row.user_agent,
            row.methods.split(),
            row.id == actor.session_id,
            row.acted_by.display_name if row.acted_by else "",
        )
        for row in rows
    ]


def revoke_session(actor: Actor, session_id: UUID) -> None:
    """End one of one's own sessions, wherever it is open.

    Raises: StepUpRequired (but for the actor's own session), RefusedWhileActing, NotFound.
    """
    # Who found a browser open must not shut its owner out of all others.
    if session_id != actor.session_id:
        require_step_up(actor)
    if not _open_of(actor.user_id).filter(id=session_id).exists():
        raise NotFound
    _end(actor.user_id, [session_id])


def revoke_other_sessions(actor: Actor) -> int:
    """End all of one's own sessions but this one. Returns how many.

    Raises: StepUpRequired, RefusedWhileActing.
    """
    require_step_up(actor)
    return end_other_sessions(actor.user_id, keep=actor.session_id)


def end_session(user_id: UUID, session_id: UUID) -> None:
    """Sign out."""
    _end(user_id, [session_id])


def end_acting_as(user_id: UUID) -> int:
    """End the sessions in which others act as a person. Returns how many."""
    acting = _open_of(user_id).filter(acted_by__isnull=False)
    return _end(user_id, [one for (one,) in acting.values_list("id")])


def end_sessions(user_id: UUID, ids: Sequence[UUID]) -> int:
    """End these of a person's sessions. Returns how many were open."""
    return _end(user_id, [one for (one,) in _open_of(user_id).filter(id__in=ids).values_list("id")])


def end_other_sessions(user_id: UUID, keep: UUID | None) -> int:
    """End all sessions of a person but one. Returns how many."""
    others = _open_of(user_id)
    if keep is not None:
        others = others.exclude(id=keep)
    return _end(user_id, [one for (one,) in others.values_list("id")])


def end_sessions_in(user_id: UUID, tenant_id: UUID) -> int:
    """End the sessions that a person has in one tenant. Returns how many."""
    here = _open_of(user_id).filter(tenant_id=tenant_id)
    return _end(user_id, [one for (one,) in here.values_list("id")])


def forget_old() -> int:
    """Delete sessions that ended `KEPT` ago, with their tickets and tokens. Returns how many."""
    gone = now() - KEPT
    with platform_unit("session retention") as alias:
        old = Session.objects.using(alias).filter(Q(ended_at__lt=gone) | Q(expires_at__lt=gone))
        return old.delete()[1].get("saas.Session", 0)


def switch_tenant(session_id: UUID, tenant_id: UUID) -> None:
    """Make `tenant_id` the session's tenant (membership was checked). Raises: BoundToTenant."""
    free = Session.objects.filter(id=session_id, consent=None)
    if not free.update(tenant_id=tenant_id):
        raise BoundToTenant


def issue_ticket(session_id: UUID) -> str:
    """A one-use secret for opening a WebSocket within 30 seconds."""
    secret = secrets.token_urlsafe(32)
    Ticket.objects.create(
        secret_hash=digest(secret), session_id=session_id, expires_at=now() + TICKET_LIFE
    )
    return secret


def redeem_ticket(secret: str, request_id: str) -> Actor:
    """The actor of a ticket, once. Raises: Unauthenticated."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from saas_ticket where secret_hash = %s returning session_id, expires_at",
            [digest(secret)],
        )
        row = cursor.fetchone()
    if row is None or row[1] < now():
        raise Unauthenticated
    return reauthenticate(row[0], request_id)


def memberships(user_id: UUID) -> list[Membership]:
    """A person's memberships, also in suspended tenants, oldest first."""
    return list(
        Membership.objects.filter(user_id=user_id, suspended_at=None)
        .select_related("tenant")
        .order_by("created_at")
    )


def _open_of(user_id: UUID) -> QuerySet[Session]:
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now())


def _end(user_id: UUID, ids: list[UUID]) -> int:
    if not ids:
        return 0
    with transaction.atomic():
        count = Session.objects.filter(id__in=ids, ended_at=None).update(ended_at=now())
        copying.tell_ended(ids)
        # What is open under them is looked at now, in every process.
        tell_rights(None, user_id)
        acting = Session.objects.filter(acted_from__in=ids, ended_at=None)
        for session_id, acted_as in acting.values_list("id", "user_id"):
            _end(acted_as, [session_id])
    return count


def holds(session_id: UUID) -> bool:
    """Whether a session gives an actor; looking does not count as use."""
    return _row(_BY_ID, session_id, now()) is not None


def _row(query: str, key: str | UUID, moment: datetime) -> Any:
    values: dict[str, object] = {
        "key": key,
        "now": moment,
        "idle": settings.SESSION_IDLE,
        "grace": moment - ROTATION_GRACE,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)  # type: ignore[arg-type]  # the driver takes more
        return cursor.fetchone()


def _find(query: str, key: str | UUID, request_id: str) -> Actor:
    moment = now()
    row = _row(query, key, moment)
    if row is None:
        raise Unauthenticated
    session_id, user_id, tenant_id, seen_at, is_admin, must_change, is_strong, *row = row
    acted_by, acted_from, mfa, *found = row
    if moment - seen_at > SEEN_EVERY:
        seen = [one for one in (session_id, acted_from) if one is not None]
        Session.objects.filter(id__in=seen).update(last_seen_at=moment)
    return Actor(
        user_id=user_id,
        # A tenant that was left is no longer this session's tenant.
        **standing(tenant_id, found),
        is_platform_admin=is_admin,
        session_id=session_id,
        request_id=request_id,
        # Whoever acts as a person cannot change it for them.
        must_change_password=must_change and acted_by is None,
        must_enrol=not is_strong and _needs_second_factor(mfa, found[0], found[1]),
        acted_by=acted_by,
    )


def _needs_second_factor(mfa: str | None, role: str | None, further: list[str] | None) -> bool:
    """Whether a tenant's policy asks a person with these roles for a second factor."""
    if role is None:
        return False
    is_admin = not ADMINISTRATORS.isdisjoint({role, *(further or ())})
    return mfa == "required" or (mfa == "admins" and is_admin)
