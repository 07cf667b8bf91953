"""Second factors: codes of an authenticator app (RFC 6238) and recovery codes."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import pyotp
import segno
from django.conf import settings
from django.db import connection, transaction
from pyotp.exceptions import OTPVerificationError

from kernel import crypto
from kernel.actor import Actor
from kernel.clock import now
from kernel.errors import Conflict
from saas.errors import InvalidCode
from saas.identity import lockout, mails, sessions
from saas.identity.models import AuthenticatorApp, Passkey, RecoveryCode
from saas.identity.port import require_own_accounts
from saas.identity.step_up import require_step_up
from saas.models import Session, User

CODES = 10
# What a code says by itself; what came before it is put in front (`Proof.after`).
SHOWN = sessions.Proof(("otp", "mfa"), is_strong=True)
# A phone's clock may be one step off on either side.
DRIFT_STEPS = 1
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

# Of two uses of a code at the same time one finds the step taken.
_TAKE_STEP = """
update saas_authenticatorapp set last_step = %s where user_id = %s and last_step < %s
"""


class AlreadySetUp(Conflict):
    """There is an authenticator app already; it is removed first."""

    code, title = "second-factor-exists", "An authenticator app is set up already"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app needs: the secret (base32), its address, and that as a picture.

    `picture`: a QR code, as the address of an SVG (`data:`).
    """

    secret: str
    uri: str
    picture: str


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has beside the password."""

    app_since: datetime | None
    recovery_codes_left: int
    passkeys: int

    @property
    def methods(self) -> list[str]:
        """How the second step of a sign-in can be done; empty: there is none."""
        app = ["code"] if self.app_since else []
        keys = ["passkey"] if self.passkeys else []
        recovery = ["recovery"] if self.recovery_codes_left and (app or keys) else []
        return app + keys + recovery


def factors_of(user_id: UUID) -> Factors:
    """What is set up."""
    app = AuthenticatorApp.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()
    return Factors(
        app.confirmed_at if app else None,
        RecoveryCode.objects.filter(user_id=user_id, used_at=None).count(),
        Passkey.objects.filter(user_id=user_id).count(),
    )


def begin_setup(actor: Actor) -> Setup:
    """A secret for an app, not in force until a code of it was shown.

    Raises: StepUpRequired, AlreadySetUp.
    """
    require_own_accounts()
    require_step_up(actor)
    if factors_of(actor.user_id).app_since is not None:
        raise AlreadySetUp
    user = User.objects.get(id=actor.user_id)
    secret = pyotp.random_base32()
    AuthenticatorApp.objects.update_or_create(
        user=user,
        defaults={
            "sealed": crypto.seal(secret, _context(user.id)), "confirmed_at": None, "last_step": 0,
        },
    )  # fmt: skip
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name="SomaAgent")
    code = segno.make(uri, error="m")
    return Setup(secret, uri, code.svg_data_uri(scale=4, light="#fff"))


def confirm_setup(actor: Actor, code: str) -> list[str]:
    """Put the app into force. Returns recovery codes for those who have none yet.

    Raises: StepUpRequired, AlreadySetUp, InvalidCode.
    """
    require_step_up(actor)
    app = AuthenticatorApp.objects.filter(user_id=actor.user_id).first()
    if app is None:
        raise InvalidCode("Begin the set-up again.")
    if app.confirmed_at is not None:
        raise AlreadySetUp
    with transaction.atomic():
        if not _takes_code(app, code):
            raise InvalidCode(
                "Check that the clock of your phone is right, then try the next code."
            )
        AuthenticatorApp.objects.filter(user_id=actor.user_id).update(confirmed_at=now())
        codes = first_codes(actor.user_id)
        _gained(actor)
        tell(actor.user_id, "An authenticator app was set up for your account")
    return codes


def disable(actor: Actor) -> None:
    """Remove the app, and the recovery codes where no passkey is left.

    Raises: StepUpRequired.
    """
    require_step_up(actor)
    with transaction.atomic():
        AuthenticatorApp.objects.filter(user_id=actor.user_id).delete()
        weaken_without_factors(actor.user_id)
        tell(actor.user_id, "The authenticator app of your account was removed")


def renew_recovery_codes(actor: Actor) -> list[str]:
    """Ten new ones; the old ones end. Raises: StepUpRequired, Conflict."""
    require_step_up(actor)
    factors = factors_of(actor.user_id)
    if factors.app_since is None and not factors.passkeys:
        raise Conflict("Set up an authenticator app or a passkey first.")
    with transaction.atomic():
        codes = _new_codes(actor.user_id)
        tell(actor.user_id, "Your account has new recovery codes")
    return codes


def verify(user_id: UUID, email: str, code: str, visitor: sessions.Visitor) -> sessions.Proof:
    """Take a code of the app or a recovery code. Guesses count like those of passwords.

    Raises: LockedOut, InvalidCode.
    """
    require_own_accounts()
    account = lockout.account_key(f"second-factor:{email}")
    lockout.refuse_if_locked(account, visitor.address)
    with transaction.atomic():
        taken = takes(user_id, code)
    lockout.record(account, visitor.address, succeeded=taken, agent=visitor.agent)
    if not taken:
        raise InvalidCode
    return SHOWN


def takes(user_id: UUID, code: str) -> bool:
    """Whether it is a valid code of the app, or a recovery code; it is spent then."""
    plain = _plain(code)
    if plain.isdigit():
        app = AuthenticatorApp.objects.filter(user_id=user_id, confirmed_at__isnull=False).first()
        return app is not None and _takes_code(app, plain)
    codes = RecoveryCode.objects.filter(user_id=user_id, digest=_digest(user_id, plain))
    return codes.filter(used_at=None).update(used_at=now()) == 1


def weaken_without_factors(user_id: UUID) -> None:
    """Nothing is left that would make a session a strong one: say so on each."""
    factors = factors_of(user_id)
    if factors.app_since is not None or factors.passkeys:
        return
    RecoveryCode.objects.filter(user_id=user_id).delete()
    Session.objects.filter(user_id=user_id, ended_at=None).update(is_strong=False)


def forget(user_id: UUID) -> None:
    """Take every second factor from a person, wherever they are."""
    AuthenticatorApp.objects.filter(user_id=user_id).delete()
    Passkey.objects.filter(user_id=user_id).delete()
    weaken_without_factors(user_id)


def first_codes(user_id: UUID) -> list[str]:
    """Recovery codes for a person who has none yet; else nothing."""
    return [] if RecoveryCode.objects.filter(user_id=user_id).exists() else _new_codes(user_id)


def rewrap_apps() -> int:
    """Wrap the apps' secrets under the ring's first key. Returns how many changed."""
    active = crypto.ring().active_id
    count = 0
    for app in AuthenticatorApp.objects.all():
        if crypto.key_id_of(bytes(app.sealed)) == active:
            continue
        sealed = crypto.rewrap(bytes(app.sealed), _context(app.user_id))
        count += AuthenticatorApp.objects.filter(user_id=app.user_id).update(sealed=sealed)
    return count


def tell(user_id: UUID, subject: str) -> None:
    """Write to a person about a change of how they sign in."""
    email = User.objects.values_list("email", flat=True).get(id=user_id)
    mails.write(
        email,
        subject,
        f"{subject}.",
        f"If this was not you, change your password now: {mails.link('/profile')}",
    )


def _takes_code(app: AuthenticatorApp, code: str) -> bool:
    totp = pyotp.TOTP(crypto.open_sealed(bytes(app.sealed), _context(app.user_id)))
    try:
        step = totp.verify_and_get_timecode(_plain(code), for_time=now(), valid_window=DRIFT_STEPS)
    except OTPVerificationError:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_STEP, [step, app.user_id, step])
        return bool(cursor.rowcount == 1)


def _new_codes(user_id: UUID) -> list[str]:
    RecoveryCode.objects.filter(user_id=user_id).delete()
    codes = [_code() for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(user_id=user_id, digest=_digest(user_id, _plain(one))) for one in codes]
    )
    return codes


def _code() -> str:
    """118 bits in four groups: too many to search for, so that a digest is enough to keep them.

    The first letter is none of the digits.
    """
    # asvs: 6.5.3, 6.5.4
    letters = [secrets.choice(_ALPHABET[:23])] + [secrets.choice(_ALPHABET) for _ in range(23)]
    return "-".join("".join(letters[at : at + 6]) for at in range(0, 24, 6))


def _plain(code: str) -> str:
    return "".join(one for one in code.lower() if one.isascii() and one.isalnum())[:40]


def _digest(user_id: UUID, plain: str) -> str:
    key = f"recovery:{settings.SECRET_KEY}".encode()
    return hmac.new(key, user_id.bytes + plain.encode(), sha256).hexdigest()


def _context(user_id: UUID) -> str:
    return f"saas.authenticator:{user_id}"


def _gained(actor: Actor) -> None:
    if actor.session_id is not None:
        sessions.strengthen(actor.session_id, SHOWN)
