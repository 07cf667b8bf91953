"""Acting as somebody: a platform admin works for an hour as a person of a tenant.

asked -> (waiting, where the tenant forbade it: a second admin approves) -> ready -> begun -> ended.
What is open is a session of the person that says who acts in it (`Session.acted_by`); it holds
while the admin's own does and both have the right, which the session's query asks each time
(`sessions`). What acting does not reach: `acting`. Every step is in the tenant's audit log.
Source: docs/decisions/0007-identity.md
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import platform_unit, unit_of_work
from kernel.errors import Unprocessable
from kernel.text import as_like, checked
from saas.audit import audit
from saas.authz.check import require
from saas.errors import (
    ImpersonationOver,
    ImpersonationRefused,
    ImpersonationUnknown,
    PersonUnknown,
    SecondFactorRequired,
)
from saas.identity import mails, sessions
from saas.identity.models import Impersonation
from saas.identity.policy import policy_of
from saas.identity.step_up import require_step_up
from saas.identity.verbs import SignIn
from saas.models import Membership, Session, User

PERMISSION = "platform.impersonate"
LIFE = timedelta(minutes=60)
BEGIN_WITHIN = timedelta(minutes=60)
WAITS = timedelta(hours=24)
REASON_MAX = 300
Status = Impersonation.Status

_LIST = """
select i.id, i.created_at, i.status, i.reason, i.tenant_id, t.name,
       i.admin_id, a.display_name, i.user_id, u.display_name, u.email,
       i.approved_by, coalesce(b.display_name, ''), i.begun_at, i.expires_at, i.ended_at,
       i.ended_why
from saas_impersonation i
join saas_tenant t on t.id = i.tenant_id
join saas_user a on a.id = i.admin_id
join saas_user u on u.id = i.user_id
left join saas_user b on b.id = i.approved_by
where (%(one)s::uuid is null or i.id = %(one)s) and (%(before)s::uuid is null or i.id < %(before)s)
order by i.id desc limit %(limit)s
"""
_PEOPLE = """
select m.id, u.id, u.display_name, u.email, m.role
from saas_membership m join saas_user u on u.id = m.user_id
where m.tenant_id = %(tenant)s and m.suspended_at is null and u.is_active
  and not u.is_platform_admin and (%(after)s::uuid is null or m.id > %(after)s)
  and (%(text)s = '' or u.email ilike %(like)s or u.display_name ilike %(like)s)
order by m.id limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Acting:
    """A request, and what became of it. `expires_at`: of its present status."""

    id: UUID
    asked_at: datetime
    status: str
    reason: str
    tenant_id: UUID
    tenant_name: str
    admin_id: UUID
    admin_name: str
    user_id: UUID
    user_name: str
    user_email: str
    approved_by: UUID | None
    approved_by_name: str
    begun_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    ended_why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody to act as. `membership_id`: where a list goes on."""

    membership_id: UUID
    user_id: UUID
    display_name: str
    email: str
    role: str


def list_impersonations(actor: Actor, limit: int, before: UUID | None) -> list[Acting]:
    """The newest first (one more than `limit`, when there are more). Raises: Forbidden."""
    require(actor, PERMISSION)
    return _views(limit + 1, before=before)


def list_candidates(
    actor: Actor, tenant_id: UUID, limit: int, after: UUID | None, text: str = ""
) -> list[Candidate]:
    """Whom one can act as in a tenant (one more than `limit`). Raises: Forbidden."""
    require(actor, PERMISSION)
    values = {
        "tenant": tenant_id, "after": after, "text": text, "like": f"%{as_like(text)}%",
        "limit": limit + 1,
    }  # fmt: skip
    with platform_unit("whom to act as") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_PEOPLE, values)
        return [Candidate(*row) for row in cursor.fetchall()]


def ask(actor: Actor, tenant_id: UUID, user_id: UUID, reason: str) -> Acting:
    """Ask to act as a person: ready at once, or waiting where the tenant forbade it.

    Raises: Forbidden, StepUpRequired, PersonUnknown, ImpersonationRefused, Unprocessable.
    """
    require(actor, PERMISSION)
    require_step_up(actor)
    why = checked(reason, "/reason").strip()
    if not 3 <= len(why) <= REASON_MAX:
        detail = f"3 to {REASON_MAX} characters"
        raise Unprocessable(errors=[{"pointer": "/reason", "detail": detail}])
    with unit_of_work(Scope(tenant_id)):
        person = _person(actor, tenant_id, user_id)
        is_free = policy_of(tenant_id).allows_impersonation
        row = Impersonation.objects.create(
            tenant_id=tenant_id,
            admin_id=actor.user_id,
            user_id=user_id,
            reason=why,
            status=Status.READY if is_free else Status.WAITING,
            expires_at=now() + (BEGIN_WITHIN if is_free else WAITS),
        )
        _audit(actor, "asked", row, reason=why)
        if not is_free:
            _tell_colleagues(actor, person)
    return _view(row.id)


def approve(actor: Actor, impersonation_id: UUID) -> Acting:
    """Let a colleague's request begin. Raises: Forbidden, StepUpRequired, ImpersonationUnknown,
    ImpersonationOver, ImpersonationRefused (one's own).
    """
    require(actor, PERMISSION)
    require_step_up(actor)
    with unit_of_work(_scope_of(impersonation_id)):
        row = _locked(impersonation_id, Status.WAITING)
        if row.admin_id == actor.user_id:
            raise ImpersonationRefused("A second platform admin has to approve it.")
        row.status, row.approved_by = Status.READY, actor.user_id
        row.expires_at = now() + BEGIN_WITHIN
        row.save(update_fields=["status", "approved_by", "expires_at"])
        _audit(actor, "approved", row)
    return _view(impersonation_id)


def begin(actor: Actor, impersonation_id: UUID) -> SignIn:
    """Open the session in which one acts. `secret` goes into the cookie and nowhere else.

    Raises: Forbidden, StepUpRequired, ImpersonationUnknown, ImpersonationOver,
    ImpersonationRefused, PersonUnknown, SecondFactorRequired.
    """
    require(actor, PERMISSION)
    require_step_up(actor)
    with unit_of_work(_scope_of(impersonation_id)):
        row = _locked(impersonation_id, Status.READY)
        if row.admin_id != actor.user_id:
            raise ImpersonationUnknown
        _person(actor, row.tenant_id, row.user_id)
        if row.approved_by is None and not policy_of(row.tenant_id).allows_impersonation:
            raise ImpersonationRefused("The organisation has forbidden it meanwhile: ask again.")
        secret, session = sessions.open_acting(
            actor, row.user_id, row.tenant_id, LIFE, is_break_glass=row.approved_by is not None
        )
        entered = sessions.authenticate(secret, actor.request_id)
        if entered.must_enrol:
            raise SecondFactorRequired(
                "This organisation asks for a second factor: sign in with yours first."
            )
        row.status, row.session_id = Status.BEGUN, session.id
        row.begun_at, row.expires_at = now(), session.expires_at
        row.save(update_fields=["status", "session_id", "begun_at", "expires_at"])
        until = session.expires_at.isoformat()
        _audit(actor, "begun", row, reason=row.reason, until=until)
    return SignIn(secret, entered)


def end(actor: Actor, impersonation_id: UUID) -> Acting:
    """End it, or take the request back, or refuse it; of one's own or a colleague's.

    Raises: Forbidden, ImpersonationUnknown, ImpersonationOver.
    """
    require(actor, PERMISSION)
    with unit_of_work(_scope_of(impersonation_id)):
        row = _locked(impersonation_id)
        if row.status == Status.ENDED:
            raise ImpersonationOver
        _close(actor, row, "button" if row.admin_id == actor.user_id else "colleague")
    return _view(impersonation_id)


def leave(secret: str, request_id: str) -> SignIn:
    """From the session in which one acts, open or ended, back to one's own.

    Possession of the secret is the check. Raises: Unauthenticated.
    """
    session_id, own = sessions.leave_acting(secret)
    entered = sessions.authenticate(own, request_id)
    with platform_unit("acting as somebody") as alias:
        found = Impersonation.objects.using(alias).get(session_id=session_id)
    with unit_of_work(Scope(found.tenant_id)):
        row = _locked(found.id)
        if row.status != Status.ENDED:
            _close(entered, row, "time" if row.expires_at <= now() else "button")
    return SignIn(own, entered)


def close_due() -> int:
    """Write down what ended by itself: by time, sign-out, or a right that was lost."""
    with platform_unit("acting that ended") as alias:
        rows = list(Impersonation.objects.using(alias).exclude(status=Status.ENDED))
    count = 0
    for found in rows:
        with unit_of_work(Scope(found.tenant_id)):
            row = _locked(found.id)
            why = "" if row.status == Status.ENDED else _why_over(row)
            if why:
                _close(Actor(row.admin_id, row.tenant_id), row, why)
                count += 1
    return count


def _why_over(row: Impersonation) -> str:
    """Why it is over; empty: it is not."""
    if row.expires_at <= now():
        return "time"
    if row.session_id is None or sessions.holds(row.session_id):
        return ""
    is_signed_out = Session.objects.filter(id=row.session_id, ended_at__isnull=False).exists()
    return "sign-out" if is_signed_out else "right lost"


def _close(actor: Actor, row: Impersonation, why: str) -> None:
    if row.session_id is not None:
        sessions.end_session(row.user_id, row.session_id)
    row.status, row.ended_at, row.ended_why = Status.ENDED, now(), why
    row.save(update_fields=["status", "ended_at", "ended_why"])
    _audit(actor, "ended", row, why=why)


def _person(actor: Actor, tenant_id: UUID, user_id: UUID) -> User:
    member = (
        Membership.objects.select_related("user")
        .filter(tenant_id=tenant_id, user_id=user_id, suspended_at=None, user__is_active=True)
        .first()
    )
    if member is None:
        raise PersonUnknown
    if member.user.is_platform_admin or user_id == actor.user_id:
        raise ImpersonationRefused("Nobody acts as a platform admin.")
    found: User = member.user
    return found


def _scope_of(impersonation_id: UUID) -> Scope:
    with platform_unit("acting as somebody") as alias:
        found = Impersonation.objects.using(alias).filter(id=impersonation_id)
        tenant_id = found.values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        raise ImpersonationUnknown
    return Scope(tenant_id)


def _locked(impersonation_id: UUID, status: str = "") -> Impersonation:
    row: Impersonation = Impersonation.objects.select_for_update().get(id=impersonation_id)
    if status and (row.status != status or row.expires_at <= now()):
        raise ImpersonationOver
    return row


def _audit(actor: Actor, act: str, row: Impersonation, **told: str) -> None:
    after = {"impersonation_id": str(row.id), **told}
    if row.approved_by is not None:
        after["approved_by"] = str(row.approved_by)
    audit(actor, f"impersonation.{act}", "person", row.user_id, after=after)


def _tell_colleagues(actor: Actor, person: User) -> None:
    asker = User.objects.values_list("display_name", flat=True).get(id=actor.user_id)
    colleagues = User.objects.filter(is_platform_admin=True, is_active=True)
    for email in colleagues.exclude(id=actor.user_id).values_list("email", flat=True):
        mails.write(
            email,
            "Somebody asks to act as a person whose organisation forbids it",
            f"{asker} asks to act as {person.display_name}. A second platform admin has to approve "
            "it within 24 hours:",
            mails.link("/platform/acting"),
        )


def _view(impersonation_id: UUID) -> Acting:
    return _views(1, one=impersonation_id)[0]


def _views(limit: int, *, one: UUID | None = None, before: UUID | None = None) -> list[Acting]:
    with platform_unit("acting as somebody") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_LIST, {"one": one, "before": before, "limit": limit})
        return [Acting(*row) for row in cursor.fetchall()]
