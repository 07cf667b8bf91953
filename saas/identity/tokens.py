"""Tokens of programs: access tokens (JWT, 15 minutes) and refresh tokens (30 days, used once).

Both name a session. An access token is believed after its signature, its claims and its session, so
that a session that ended ends its tokens at once. Decision 0007.
"""

import base64
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from joserfc import jwt
from joserfc.errors import JoseError

from kernel.actor import Actor, Scope
from kernel.clock import now
from kernel.db import unit_of_work
from kernel.errors import BadRequest, Forbidden, Unauthenticated
from kernel.ids import uuid7
from saas.audit import PLATFORM_TENANT, audit
from saas.identity import mails, onetime, second_factor, sessions, signing, verbs
from saas.identity.models import Consent, RefreshToken
from saas.identity.port import require_own_accounts
from saas.identity.sessions import Proof, Visitor
from saas.models import Session, User

REFRESH_LIFE = timedelta(days=30)
LEEWAY_S = 30
# Two requests of one program at the same time are no theft: the later one is refused, no more.
PARALLEL = timedelta(seconds=5)
ALL = "all"
# All, what reads all, or an act in one part of the API.
ScopeWord = Literal[
    "all", "read",
    "agents:read", "agents:write", "chat:read", "chat:write", "cognitive:read", "cognitive:write",
    "gateway:read", "gateway:write", "memory:read", "memory:write", "saas:read", "saas:write",
]  # fmt: skip
SCOPES: frozenset[str] = frozenset(get_args(ScopeWord))
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")

_SPEND = """
update saas_refreshtoken set spent_at = %s
where digest = %s and spent_at is null and expires_at > %s
returning session_id, scope
"""


class InvalidGrant(BadRequest):
    """A code, a refresh token or what proves it is wrong, spent or out of time (RFC 6749, 5.2)."""

    code, title = "invalid-grant", "This grant is not valid"


class GrantOff(BadRequest):
    """Tokens are not given for this here (RFC 6749, 5.2); RFC 9700 advises against passwords."""

    code, title = "unsupported-grant-type", "Tokens are not given for this"


class ScopeExceeded(Forbidden):
    """The access token was not given for this."""

    code, title = "insufficient-scope", "This token may not do that"


class UnknownScope(BadRequest):
    """A scope that does not exist."""

    code, title = "invalid-scope", "There is no such scope"


@dataclass(frozen=True, slots=True)
class Pair:
    """Tokens as a program gets them; `expires_in`: seconds of the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


def issuer() -> str:
    """`iss`: the public address."""
    address: str = settings.SOMA.effective_public_url
    return address


def audience() -> str:
    """`aud`: this API."""
    return f"{issuer()}/api/v2"


def authenticate(token: str, path: str, request_id: str, *, is_safe: bool) -> Actor:
    """The actor behind an access token. Raises: Unauthenticated, ScopeExceeded."""
    claims = read(token)
    try:
        session_id, user_id = UUID(claims["sid"]), UUID(claims["sub"])
    except (KeyError, ValueError, TypeError) as exc:
        raise Unauthenticated from exc
    actor = sessions.reauthenticate(session_id, request_id)
    tenant = str(actor.tenant_id) if actor.tenant_id else None
    if (claims.get("act") or {}).get("sub") != (str(actor.acted_by) if actor.acted_by else None):
        raise Unauthenticated
    if actor.user_id != user_id or claims.get("tid") != tenant:
        # The session went to another tenant: the next refresh gives a token for that one.
        raise Unauthenticated("This token is for another organisation: refresh it.")
    if not may(str(claims.get("scope", "")), path, is_safe=is_safe):
        raise ScopeExceeded(f"Its scope is {claims.get('scope')!r}.")
    return actor


def read(token: str) -> dict[str, Any]:
    """The claims of a token of ours that holds now. Raises: Unauthenticated.

    The algorithm is fixed: what the header says of it is compared, never followed.
    """
    try:
        kid = str(_header(token).get("kid", ""))
        key = signing.public_key(kid)
        if key is None:
            raise Unauthenticated
        claims = dict(jwt.decode(token, key, algorithms=[signing.ALGORITHM]).claims)
        registry = jwt.JWTClaimsRegistry(
            now=int(now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer()},
            aud={"essential": True, "value": audience()},
            exp={"essential": True},
            iat={"essential": True},
        )
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as exc:
        raise Unauthenticated("This token is not valid.") from exc
    return claims


def may(scope: str, path: str, *, is_safe: bool) -> bool:
    """Whether a scope (words separated by blanks) covers a request."""
    words = set(scope.split())
    if ALL in words:
        return True
    area = path.removeprefix("/api/v2/").split("/", 1)[0]
    if area == "auth":
        # Sessions, factors and tickets would give more than the token has.
        return is_safe and path.rstrip("/").endswith("/auth/me")
    wanted = {f"{area}:write"} | ({"read", f"{area}:read"} if is_safe else set())
    return not words.isdisjoint(wanted)


def sign_in(email: str, password: str, code: str | None, scope: str, visitor: Visitor) -> Pair:
    """Tokens for a password, and a code where the person has a second factor.

    In saas mode off unless the platform's setting allows it: whoever types a password into a
    program has given it away, and no passkey helps there.
    Raises: KeptElsewhere, GrantOff, LockedOut, InvalidCredentials, InvalidCode, UnknownScope.
    """
    require_own_accounts()
    if not settings.SOMA.effective_password_grant:
        raise GrantOff("Ask for an authorization code; SA01_PASSWORD_GRANT allows passwords.")
    scope = known(scope)
    user = verbs.check_password(email, password, visitor)
    proof = Proof()
    if second_factor.factors_of(user.id).methods and not verbs.is_off(user.id):
        proof = second_factor.verify(user.id, user.email, code or "", visitor).after(proof.methods)
    return _open(user, visitor, proof, scope)


def exchange(code: str, verifier: str, client_id: str, redirect_uri: str, visitor: Visitor) -> Pair:
    """Tokens for a code, once; a second use ends those of the first (RFC 6749, section 4.1.2).

    Raises: InvalidGrant.
    """
    given = None
    with transaction.atomic():
        # Who comes second waits here, and then finds the chain that the first has begun.
        found = onetime.spend("code", code)
        if found is not None and _is_proven(found.data, verifier, client_id, redirect_uri):
            given = _open_allowed(found, visitor)
    if given is None:
        _answer_reuse(onetime.digest(code), visitor.request_id)
        raise InvalidGrant
    return given


def refresh(token: str, request_id: str) -> Pair:
    """A new pair for a refresh token, which is spent. Raises: InvalidGrant.

    One that was spent before ends the session and is told to the person (RFC 9700, 4.14.2).
    """
    digest, moment = onetime.digest(token), now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_SPEND, [moment, digest, moment])
            row = cursor.fetchone()
        if row is not None:
            session_id, scope = row
            return _renew(session_id, scope, request_id)
    _answer_reuse(digest, request_id, patience=PARALLEL)
    raise InvalidGrant("Sign in again.")


def acting(actor: Actor, scope: str) -> str:
    """An access token for a program that acts as somebody; without a refresh token."""
    assert actor.session_id is not None  # noqa: S101  # it has just begun
    methods = Session.objects.values_list("methods", flat=True).get(id=actor.session_id)
    return _access(actor, scope, tuple(methods.split()))


def forget_old() -> int:
    """Delete refresh tokens out of time. Returns how many."""
    return RefreshToken.objects.filter(expires_at__lt=now()).delete()[0]


def _open(user: User, visitor: Visitor, proof: Proof, scope: str) -> Pair:
    entered = verbs.enter(user, visitor, proof, life=REFRESH_LIFE)
    return _pair(entered.actor, scope, proof.methods)


def _is_proven(asked: dict[str, Any], verifier: str, client_id: str, redirect_uri: str) -> bool:
    """Whether this is the program that asked for the code (RFC 7636, section 4.6)."""
    if (asked["client_id"], asked["redirect_uri"]) != (client_id, redirect_uri):
        return False
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(_s256(verifier), str(asked["challenge"]))


def _open_allowed(code: onetime.Known, visitor: Visitor) -> Pair | None:
    """A session of a program that was allowed in; None when that was taken back meanwhile."""
    consent = (
        Consent.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(id=code.data["consent"], user__is_active=True)
        .first()
    )
    if consent is None:
        return None
    # The program's session is no stronger, and no fresher, than that of its person.
    shown_at = datetime.fromisoformat(code.data["shown_at"])
    proof = Proof(tuple(code.data["methods"]), code.data["is_strong"], shown_at)
    entered = verbs.enter(
        consent.user, visitor, proof, life=REFRESH_LIFE, tenant_id=consent.tenant_id
    )
    session_id = entered.actor.session_id
    assert session_id is not None  # noqa: S101  # it has just begun
    Session.objects.filter(id=session_id).update(consent=consent)
    RefreshToken.objects.create(
        digest=code.digest,
        session_id=session_id,
        scope=consent.scope,
        expires_at=now() + REFRESH_LIFE,
        spent_at=now(),
    )
    return _pair(entered.actor, consent.scope, proof.methods)


def _renew(session_id: UUID, scope: str, request_id: str) -> Pair:
    try:
        actor = sessions.reauthenticate(session_id, request_id)
    except Unauthenticated as exc:
        raise InvalidGrant("The session has ended.") from exc
    session = Session.objects.get(id=session_id)
    Session.objects.filter(id=session_id).update(last_seen_at=now())
    return _pair(actor, scope, tuple(session.methods.split()))


def _pair(actor: Actor, scope: str, methods: tuple[str, ...]) -> Pair:
    assert actor.session_id is not None  # noqa: S101  # read from a session just now
    secret = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        digest=onetime.digest(secret),
        session_id=actor.session_id,
        scope=scope,
        expires_at=now() + REFRESH_LIFE,
    )
    return Pair(
        _access(actor, scope, methods), secret, int(signing.TOKEN_LIFE.total_seconds()), scope
    )


def _access(actor: Actor, scope: str, methods: tuple[str, ...]) -> str:
    kid, key = signing.current_key()
    issued = int(now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer(),
        "aud": audience(),
        "sub": str(actor.user_id),
        "tid": str(actor.tenant_id) if actor.tenant_id else None,
        "sid": str(actor.session_id),
        "jti": str(uuid7()),
        "scope": scope,
        "amr": list(methods),
        "iat": issued,
        "exp": issued + int(signing.TOKEN_LIFE.total_seconds()),
    }
    if actor.acted_by is not None:
        # RFC 8693, section 4.1: the subject is whom it is for, the actor who acts.
        claims["act"] = {"sub": str(actor.acted_by)}
    header = {"alg": signing.ALGORITHM, "kid": kid, "typ": "at+jwt"}
    return jwt.encode(header, claims, key, algorithms=[signing.ALGORITHM])


def _answer_reuse(digest: str, request_id: str, patience: timedelta = timedelta()) -> None:
    """End the session of a code or token that was spent longer than `patience` ago."""
    row = RefreshToken.objects.filter(digest=digest, spent_at__lt=now() - patience).first()
    if row is None:
        return
    session = Session.objects.select_related("user", "consent").get(id=row.session_id)
    if session.ended_at is not None:
        return
    with unit_of_work(Scope(session.tenant_id or PLATFORM_TENANT)):
        sessions.end_session(session.user_id, session.id)
        whose = Actor(session.user_id, session.tenant_id, request_id=request_id)
        program = session.consent.client_id if session.consent else ""
        audit(whose, "session.ended_as_copied", "session", session.id, after={"program": program})
        mails.write(
            session.user.email,
            "A session of your account was ended",
            "A code or refresh token of a program was used a second time. Somebody may have copied "
            "it, so that we ended the session; the program has to sign in again.",
            f"Where you are signed in: {mails.link('/profile')}",
        )


def known(scope: str) -> str:
    """The words of a scope in their order; all, where none is named. Raises: UnknownScope."""
    words = sorted(set(scope.split())) or [ALL]
    unknown = [word for word in words if word not in SCOPES]
    if unknown:
        raise UnknownScope(f"Known are: {', '.join(sorted(SCOPES))}.")
    return " ".join(words)


def _header(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return header if isinstance(header, dict) else {}


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
