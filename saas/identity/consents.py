"""Programs that ask for access: the question, the person's answer, and taking it back.

A program opens the interface's page `/authorize` in the person's browser (RFC 6749, section 4.1;
RFC 8252: to an address on their own machine). Nobody can vouch for the name that such a program
gives itself, so that the person is asked each time; an earlier consent is only shown.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.db.models import Count, Max, Q

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import BadRequest, Forbidden, NotFound
from saas.audit import PLATFORM_TENANT, audit
from saas.identity import onetime, sessions, tokens
from saas.identity.models import Consent
from saas.identity.policy import policy_of
from saas.models import Session, Tenant

# What a program may ask with, beside the address that it listens at.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_STATE = re.compile(r"[ -~]{0,500}")
CODE_LIFE = timedelta(seconds=60)
# As browsers read addresses too: no "\\", no "user@", nothing that they would strip.
_LOOPBACK = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


class RedirectRefused(BadRequest):
    """Codes go to a program on the person's own machine only (RFC 8252, section 7.3)."""

    code, title = "redirect-refused", "Codes are not sent to this address"


class RequestRefused(BadRequest):
    """A program asked wrongly. `redirect_to`: by this address the browser tells it so."""

    code, title = "authorization-request-wrong", "The program asked for access in a wrong way"


class ProgramRefused(Forbidden):
    """Only a person in front of a browser lets programs in."""

    code, title = "program-refused", "A program cannot let another one in"


class ConsentUnknown(NotFound):
    """No such consent of this person."""

    code, title = "consent-unknown", "There is no such program"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks for, in the words of RFC 6749, section 4.1.1, and RFC 7636.

    All as it came: what is wrong is told to the program. `repeated`: names that came twice.
    """

    client_id: str
    redirect_uri: str
    response_type: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    scope: str = ""
    state: str = ""
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What the person has to know before they answer. `tenant`: its name; empty: none.

    `life_hours`: how long the program may go on. `allowed_at`: when they allowed the same before.
    """

    program: str
    place: str
    tenant: str
    scopes: list[str]
    life_hours: int
    allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """A program that has access, or had and may ask again. `last_used_at`: of its open sessions."""

    id: UUID
    program: str
    tenant: str
    scopes: list[str]
    allowed_at: datetime
    last_used_at: datetime | None
    open_sessions: int


def ask(actor: Actor, asked: Asked) -> Question:
    """What to ask the person. Raises: RedirectRefused, RequestRefused, ProgramRefused."""
    scope = _checked(_session(actor), asked)
    before = Consent.objects.filter(**_key(actor, asked, scope)).first()
    hours = policy_of(actor.tenant_id).absolute_hours
    return Question(
        program=asked.client_id,
        place=urlsplit(asked.redirect_uri).netloc,
        tenant=_tenant_name(actor.tenant_id),
        scopes=scope.split(),
        life_hours=hours or int(tokens.REFRESH_LIFE.total_seconds() // 3600),
        allowed_at=before.allowed_at if before else None,
    )


def answer(actor: Actor, asked: Asked, *, is_allowed: bool) -> str:
    """The person's answer, as the address that tells it to the program.

    Allowed: it has a code, which works once, for a minute. Audited both ways.
    Raises: RedirectRefused, RequestRefused, ProgramRefused.
    """
    shown = _session(actor)
    scope = _checked(shown, asked)
    told = {"program": asked.client_id, "scope": scope}
    with unit_of_work(Scope(actor.tenant_id or PLATFORM_TENANT)):
        if not is_allowed:
            audit(actor, "consent.refused", "person", actor.user_id, after=told)
            return _back(asked, error="access_denied")
        row, _ = Consent.objects.update_or_create(
            **_key(actor, asked, scope),
            defaults={"redirect_uri": asked.redirect_uri, "allowed_at": now()},
        )
        audit(actor, "consent.given", "person", actor.user_id, after=told)
        code = onetime.issue(
            "code",
            CODE_LIFE,
            actor.user_id,
            consent=str(row.id),
            client_id=asked.client_id,
            redirect_uri=asked.redirect_uri,
            challenge=asked.code_challenge,
            is_strong=shown.is_strong,
            methods=shown.methods.split(),
            shown_at=shown.authenticated_at.isoformat(),
        )
    return _back(asked, code=code)


def list_consents(actor: Actor) -> list[Allowed]:
    """The programs that the person let in, the last one first."""
    is_open = Q(sessions__ended_at=None, sessions__expires_at__gt=now())
    rows = (
        Consent.objects.filter(user_id=actor.user_id)
        .select_related("tenant")
        .annotate(
            used=Max("sessions__last_seen_at", filter=is_open),
            opened=Count("sessions", filter=is_open),
        )
        .order_by("-allowed_at")
    )
    return [
        Allowed(
            row.id,
            row.client_id,
            row.tenant.name if row.tenant else "",
            row.scope.split(),
            row.allowed_at,
            row.used,
            row.opened,
        )
        for row in rows
    ]


def revoke(actor: Actor, consent_id: UUID) -> None:
    """Take a consent back: the program's sessions end with all their tokens, and codes too.

    Locks: the consent, so that no code of it is exchanged meanwhile. Raises: ConsentUnknown.
    """
    own = Consent.objects.filter(id=consent_id, user_id=actor.user_id)
    found = own.first()
    if found is None:
        raise ConsentUnknown
    with unit_of_work(Scope(found.tenant_id or PLATFORM_TENANT)):
        row = own.select_for_update().first()
        if row is None:
            return
        sessions.end_sessions(actor.user_id, list(row.sessions.values_list("id", flat=True)))
        row.delete()
        told = {"program": row.client_id, "scope": row.scope}
        audit(actor, "consent.revoked", "person", actor.user_id, before=told)


def _session(actor: Actor) -> Session:
    if actor.session_id is None:
        raise ProgramRefused
    found: Session = Session.objects.get(id=actor.session_id)
    return found


def _checked(session: Session, asked: Asked) -> str:
    """The scope that is asked for, spelt out; all else is in order."""
    # A program with every right would else let others in, or itself for longer.
    if session.is_program:
        raise ProgramRefused
    is_certain = asked.repeated.isdisjoint({"client_id", "redirect_uri"})
    if not is_certain or not _LOOPBACK.fullmatch(asked.redirect_uri):
        raise RedirectRefused("Use a loopback address such as http://127.0.0.1:8123/callback.")
    error, said = _fault(asked)
    if error:
        address = _back(asked, error=error, error_description=said)
        raise RequestRefused(f"{said} ({error})", redirect_to=address)
    return tokens.known(asked.scope)


def _fault(asked: Asked) -> tuple[str, str]:
    """What is wrong in a program's request: a code (RFC 6749, 4.1.2.1) and words; or nothing."""
    if asked.repeated:
        return "invalid_request", "A parameter came twice."
    if not asked.response_type:
        return "invalid_request", "response_type is missing."
    if asked.response_type != "code":
        return "unsupported_response_type", "Only response_type=code is known."
    # Without a method the challenge would be the verifier itself (RFC 7636, section 4.3).
    if asked.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(asked.code_challenge):
        return "invalid_request", "A code_challenge with code_challenge_method=S256 is needed."
    if not _STATE.fullmatch(asked.state):
        return "invalid_request", "state is too long, or has other characters than visible ASCII."
    try:
        tokens.known(asked.scope)
    except tokens.UnknownScope as unknown:
        return "invalid_scope", unknown.detail
    return "", ""


def _key(actor: Actor, asked: Asked, scope: str) -> dict[str, Any]:
    return {
        "user_id": actor.user_id,
        "tenant_id": actor.tenant_id,
        "client_id": asked.client_id,
        "scope": scope,
    }


def _tenant_name(tenant_id: UUID | None) -> str:
    return Tenant.objects.values_list("name", flat=True).get(id=tenant_id) if tenant_id else ""


def _back(asked: Asked, **told: str) -> str:
    """The program's address with an answer (RFC 6749, 4.1.2; `iss`: RFC 9207)."""
    if asked.state:
        told["state"] = asked.state
    query = urlencode({**told, "iss": tokens.issuer()})
    return f"{asked.redirect_uri}{'&' if '?' in asked.redirect_uri else '?'}{query}"
