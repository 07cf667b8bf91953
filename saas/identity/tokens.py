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
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from joserfc import jwt
from joserfc.errors import JoseError

from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import BadRequest, Forbidden, Unauthenticated
from kernel.ids import uuid7
from saas.identity import mails, onetime, second_factor, sessions, signing, verbs
from saas.identity.models import RefreshToken
from saas.identity.sessions import Proof, Visitor
from saas.models import Session, User

REFRESH_LIFE = timedelta(days=30)
CODE_LIFE = timedelta(seconds=60)
LEEWAY_S = 30
# Two requests of one program at the same time are no theft: the later one is refused, no more.
PARALLEL = timedelta(seconds=5)
ALL = "all"
# Parts of the API that a scope may name, as "<part>:read" or "<part>:write".
AREAS = ("agents", "chat", "cognitive", "gateway", "memory", "saas")
SCOPES = frozenset({ALL, "read", *(f"{area}:{act}" for area in AREAS for act in ("read", "write"))})
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_SPEND = """
update saas_refreshtoken set spent_at = %s
where digest = %s and spent_at is null and expires_at > %s
returning session_id, scope
"""


class InvalidGrant(BadRequest):
    """A code, a refresh token or what proves it is wrong, spent or out of time (RFC 6749, 5.2)."""

    code, title = "invalid-grant", "This grant is not valid"


class ScopeExceeded(Forbidden):
    """The access token was not given for this."""

    code, title = "insufficient-scope", "This token may not do that"


class UnknownScope(BadRequest):
    """A scope that does not exist."""

    code, title = "invalid-scope", "There is no such scope"


class RedirectRefused(BadRequest):
    """Codes go to a program on the person's own machine only (RFC 8252, section 7.3)."""

    code, title = "redirect-refused", "Codes are not sent to this address"


@dataclass(frozen=True, slots=True)
class Pair:
    """Tokens as a program gets them; `expires_in`: seconds of the access token."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What a program asks for with an authorization code (RFC 7636: S256 only)."""

    client_id: str
    redirect_uri: str
    code_challenge: str
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

    Raises: LockedOut, InvalidCredentials, InvalidCode, UnknownScope.
    """
    scope = _known(scope)
    user = verbs.check_password(email, password, visitor)
    proof = Proof()
    if second_factor.factors_of(user.id).methods and not verbs.is_off(user.id):
        proof = second_factor.verify(user.id, user.email, code or "", visitor).after(proof.methods)
    return _open(user, visitor, proof, scope)


def authorize(actor: Actor, asked: CodeRequest) -> str:
    """A code that a program on the person's machine changes for tokens. Raises: RedirectRefused."""
    parts = urlsplit(asked.redirect_uri)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.fragment:
        raise RedirectRefused("Use a loopback address such as http://127.0.0.1:8123/callback.")
    return onetime.issue(
        "code",
        CODE_LIFE,
        actor.user_id,
        client_id=asked.client_id,
        redirect_uri=asked.redirect_uri,
        challenge=asked.code_challenge,
        scope=_known(asked.scope),
        **_shown(actor),
    )


def exchange(code: str, verifier: str, client_id: str, redirect_uri: str, visitor: Visitor) -> Pair:
    """Tokens for a code, once. Raises: InvalidGrant."""
    found = onetime.spend("code", code)
    if found is None or found.user_id is None:
        raise InvalidGrant
    user = User.objects.filter(id=found.user_id, is_active=True).first()
    if user is None:
        raise InvalidGrant
    is_same = (found.data["client_id"], found.data["redirect_uri"]) == (client_id, redirect_uri)
    if not is_same or not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant
    if not hmac.compare_digest(_s256(verifier), str(found.data["challenge"])):
        raise InvalidGrant
    proof = Proof(tuple(found.data["methods"]), is_strong=found.data["is_strong"])
    return _open(user, visitor, proof, str(found.data["scope"]))


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
    _answer_reuse(digest)
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


def _answer_reuse(digest: str) -> None:
    row = RefreshToken.objects.filter(digest=digest, spent_at__lt=now() - PARALLEL).first()
    if row is None:
        return
    session = Session.objects.select_related("user").get(id=row.session_id)
    if session.ended_at is not None:
        return
    with transaction.atomic():
        sessions.end_session(session.user_id, session.id)
        mails.write(
            session.user.email,
            "A session of your account was ended",
            "A refresh token of a program was used a second time. Somebody may have copied it, so "
            "that we ended the session; the program has to sign in again.",
            f"Where you are signed in: {mails.link('/profile')}",
        )


def _known(scope: str) -> str:
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


def _shown(actor: Actor) -> dict[str, Any]:
    """How the person of the session was recognised: a program's session is no stronger."""
    row = Session.objects.get(id=actor.session_id) if actor.session_id else Session(methods="")
    return {"is_strong": row.is_strong, "methods": row.methods.split()}
