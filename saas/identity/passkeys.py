"""Passkeys (WebAuthn level 2): registration, and signing in with one, as first or second factor.

The relying party is the configured public address: its host is the RP id, itself the only origin.
A passkey that verified its user (PIN, fingerprint) is two factors at once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction

from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import Conflict, NotFound
from saas.errors import InvalidCode
from saas.identity import onetime, second_factor, sessions
from saas.identity.models import Passkey
from saas.identity.port import require_own_accounts
from saas.identity.step_up import require_step_up
from saas.models import User

CHALLENGE_LIFE = timedelta(minutes=5)
MOST = 20


class PasskeyRefused(InvalidCode):
    """Another origin, another challenge, an unknown key, a false signature: one answer."""

    code, title = "passkey-refused", "This passkey was not accepted"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser's `navigator.credentials` is asked, and the secret that redeems it."""

    challenge: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """A passkey as its person sees it."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A passkey was shown: whose, and how."""

    user_id: UUID
    proof: sessions.Proof


def rp_id() -> str:
    """The relying party's id: the host of the public address."""
    host = urlsplit(settings.SOMA.effective_public_url).hostname or ""
    # An address is no domain; browsers take "localhost" for this machine.
    return "localhost" if host in {"127.0.0.1", "::1"} else host


def origins() -> list[str]:
    """The only origins whose pages may use our passkeys."""
    parts = urlsplit(settings.SOMA.effective_public_url)
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme}://{rp_id()}{port}"]


def list_passkeys(actor: Actor) -> list[PasskeyView]:
    """One's own, oldest first."""
    rows = Passkey.objects.filter(user_id=actor.user_id).order_by("created_at")
    return [PasskeyView(row.id, row.name, row.created_at, row.last_used_at) for row in rows]


def begin_registration(actor: Actor) -> Asked:
    """Ask the browser to make a passkey. Raises: StepUpRequired, Conflict."""
    require_own_accounts()
    require_step_up(actor)
    user = User.objects.get(id=actor.user_id)
    known = [bytes(one.credential_id) for one in Passkey.objects.filter(user=user)]
    if len(known) >= MOST:
        raise Conflict(f"{MOST} passkeys are the most that a person can have.")
    webauthn = _library()
    structs = webauthn.helpers.structs
    options = webauthn.generate_registration_options(
        rp_id=rp_id(),
        rp_name="SomaAgent",
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.display_name,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return _asked(options, options.challenge, user.id, "register")


def register(actor: Actor, challenge: str, credential: dict[str, Any], name: str) -> list[str]:
    """Keep the passkey that was made. Returns recovery codes for those who have none yet.

    Raises: StepUpRequired, PasskeyRefused.
    """
    require_step_up(actor)
    expected = _redeem(challenge, "register", actor.user_id)
    webauthn = _library()
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=expected,
            expected_rp_id=rp_id(),
            expected_origin=origins(),
        )
    except webauthn.helpers.exceptions.WebAuthnException as exc:
        raise PasskeyRefused from exc
    if Passkey.objects.filter(credential_id=made.credential_id).exists():
        raise PasskeyRefused
    with transaction.atomic():
        Passkey.objects.create(
            user_id=actor.user_id,
            name=name,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
        )
        if actor.session_id is not None:
            sessions.strengthen(actor.session_id, _proof(is_verified=made.user_verified))
        second_factor.tell(actor.user_id, "A passkey was added to your account")
        return second_factor.first_codes(actor.user_id)


def remove(actor: Actor, passkey_id: UUID) -> None:
    """Forget a passkey. Raises: StepUpRequired, NotFound."""
    require_step_up(actor)
    with transaction.atomic():
        gone, _ = Passkey.objects.filter(id=passkey_id, user_id=actor.user_id).delete()
        if not gone:
            raise NotFound
        second_factor.weaken_without_factors(actor.user_id)
        second_factor.tell(actor.user_id, "A passkey of your account was removed")


def begin_sign_in(user_id: UUID | None = None, first: Sequence[str] = ()) -> Asked:
    """Ask the browser to show a passkey: any, or one of a person who showed `first` already."""
    require_own_accounts()
    known = [] if user_id is None else Passkey.objects.filter(user_id=user_id)
    webauthn = _library()
    structs = webauthn.helpers.structs
    options = webauthn.generate_authentication_options(
        rp_id=rp_id(),
        allow_credentials=[
            structs.PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in known
        ],
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    return _asked(options, options.challenge, user_id, "show", first)


def show(challenge: str, credential: dict[str, Any]) -> Shown:
    """Check what the browser showed. Raises: PasskeyRefused."""
    require_own_accounts()
    asked = onetime.spend("passkey", challenge)
    if asked is None or asked.data["act"] != "show":
        raise PasskeyRefused
    row = Passkey.objects.filter(credential_id=_credential_id(credential)).first()
    if row is None or asked.user_id not in {None, row.user_id}:
        raise PasskeyRefused
    webauthn = _library()
    try:
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=webauthn.base64url_to_bytes(asked.data["challenge"]),
            expected_rp_id=rp_id(),
            expected_origin=origins(),
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
        )
    except webauthn.helpers.exceptions.WebAuthnException as exc:
        raise PasskeyRefused from exc
    Passkey.objects.filter(id=row.id).update(sign_count=shown.new_sign_count, last_used_at=now())
    # After a password it is the second factor, whether or not it verified its user itself.
    is_second = asked.user_id is not None
    proof = _proof(is_verified=shown.user_verified or is_second)
    return Shown(row.user_id, proof.after(asked.data["first"]))


def _proof(*, is_verified: bool) -> sessions.Proof:
    return sessions.Proof(("hwk", "mfa") if is_verified else ("hwk",), is_strong=is_verified)


def _asked(
    options: Any, challenge: bytes, user_id: UUID | None, act: str, first: Sequence[str] = ()
) -> Asked:
    webauthn = _library()
    kept = webauthn.helpers.bytes_to_base64url(challenge)
    secret = onetime.issue(
        "passkey", CHALLENGE_LIFE, user_id, act=act, challenge=kept, first=list(first)
    )
    return Asked(secret, json.loads(webauthn.options_to_json(options)))


def _redeem(challenge: str, act: str, user_id: UUID) -> bytes:
    asked = onetime.spend("passkey", challenge)
    if asked is None or asked.data["act"] != act or asked.user_id != user_id:
        raise PasskeyRefused
    return bytes(_library().base64url_to_bytes(asked.data["challenge"]))


def _credential_id(credential: dict[str, Any]) -> bytes:
    try:
        return bytes(_library().base64url_to_bytes(str(credential.get("rawId", ""))))
    except ValueError as exc:
        raise PasskeyRefused from exc


def _library() -> ModuleType:
    """The WebAuthn protocol: 7 MB that a process loads once somebody uses a passkey."""
    import webauthn

    return webauthn
