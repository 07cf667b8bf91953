"""What is confirmed by a link in a mail: a new password, another address, a new account.

Whoever asks gets the same answer in the same time, whether or not there is such an account: the
request is one insert, and the worker looks it up.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from kernel.actor import Actor
from kernel.db import platform_unit
from kernel.errors import NotFound
from kernel.ids import uuid7
from saas.errors import EmailTaken, LinkInvalid
from saas.identity import addresses, lockout, mails, onetime, passwords, verbs
from saas.identity.models import OneTimeSecret, ResetRequest
from saas.identity.port import IDENTITY, IdentityAway, require_own_accounts
from saas.identity.sessions import Visitor
from saas.identity.step_up import require_step_up
from saas.models import User

RESET_LIFE = timedelta(hours=1)
EMAIL_CHANGE_LIFE = timedelta(hours=24)
REGISTRATION_LIFE = timedelta(hours=24)
# Of one account: nobody can fill a stranger's mailbox.
MAILS_AN_HOUR = 3
AT_ONCE = 100


def ask_reset(email: str, visitor: Visitor) -> None:
    """Somebody forgot the password of `email`. Raises: LockedOut (too many from one address)."""
    key = lockout.account_key(f"reset:{email}")
    lockout.refuse_if_locked(key, visitor.address)
    # Each request counts, so that asking again and again ends like guessing does.
    lockout.record(key, visitor.address, succeeded=False, agent=visitor.agent)
    # Plain insert: the app's role may write requests and never read them.
    ResetRequest.objects.bulk_create([ResetRequest(email=email.strip()[:254])])


def answer_requests() -> int:
    """Write the mails that were asked for (the worker). Returns how many."""
    with platform_unit("password resets") as alias:
        asked = ResetRequest.objects.using(alias).select_for_update(skip_locked=True)
        rows = list(asked.order_by("id")[:AT_ONCE])
        ResetRequest.objects.using(alias).filter(id__in=[row.id for row in rows]).delete()
    return sum(1 for row in rows if _answer(row))


def is_valid_reset(token: str) -> bool:
    """Whether a reset link still works."""
    found = onetime.look("reset", token)
    return found is not None and not found.is_used


def reset_password(token: str, new: str) -> None:
    """Put a new password in force; every session of the person ends.

    Raises: LinkInvalid, WeakPassword (the link works on).
    """
    require_own_accounts()
    found = onetime.look("reset", token)
    if found is None or found.is_used or found.user_id is None:
        raise LinkInvalid("Ask for a new one: links work for an hour, and once.")
    user = User.objects.filter(id=found.user_id, is_active=True).first()
    if user is None:
        raise LinkInvalid
    hashed = verbs.hash_new(user, new)
    with transaction.atomic():
        if onetime.spend("reset", token) is None:
            raise LinkInvalid
        verbs.set_password(user, hashed, keep=None)


def ask_email_change(actor: Actor, new: str) -> None:
    """Send a link to the old address and one to the new; both have to be followed.

    Raises: StepUpRequired, EmailRefused. A taken address is told to its owner, not to the asker.
    """
    require_own_accounts()
    require_step_up(actor)
    new = addresses.clean(new)
    user = User.objects.get(id=actor.user_id)
    with transaction.atomic():
        onetime.revoke("email-change", user.id)
        if User.objects.filter(email__iexact=new).exists():
            mails.write(
                new,
                "Somebody wanted to use your address",
                "Somebody wanted to use this address for another account of SomaAgent. "
                "You have an account already; nothing was changed.",
            )
            return
        change = str(uuid7())
        for side, recipient in (("old", user.email), ("new", new)):
            token = onetime.issue(
                "email-change", EMAIL_CHANGE_LIFE, user.id, change=change, side=side, email=new
            )
            mails.write(
                recipient,
                "Confirm the change of your e-mail address",
                f"The address of your account is to become {new}. Confirm it at both addresses "
                "within 24 hours; here by this link:",
                mails.link(f"/confirm-email#token={token}"),
                "If you did not ask for this, change your password.",
            )


def confirm_email_change(token: str) -> bool:
    """Follow one of the two links. True when both were followed: the address is changed.

    Raises: LinkInvalid, EmailTaken.
    """
    require_own_accounts()
    found = onetime.spend("email-change", token)
    if found is None or found.user_id is None:
        raise LinkInvalid
    sides = OneTimeSecret.objects.filter(
        purpose="email-change", user_id=found.user_id, data__change=found.data["change"]
    )
    if sides.filter(used_at__isnull=False).count() < 2:
        return False
    user = User.objects.get(id=found.user_id)
    new = str(found.data["email"])
    try:
        with platform_unit("change of an e-mail address") as alias:
            User.objects.using(alias).filter(id=user.id).update(email=new)
    except IntegrityError as exc:
        raise EmailTaken from exc
    mails.write(
        user.email,
        "The e-mail address of your account was changed",
        f"It is {new} now. If this was not you, write to your administrator at once.",
    )
    return True


def change_name(actor: Actor, display_name: str) -> None:
    """Change how one is called."""
    with platform_unit("change of a name") as alias:
        User.objects.using(alias).filter(id=actor.user_id).update(display_name=display_name)


def ask_registration(email: str, display_name: str, password: str, visitor: Visitor) -> None:
    """Make an account when its address is confirmed. The same answer whether or not it is taken.

    Raises: LockedOut, NotFound (not allowed here), EmailRefused, WeakPassword.
    """
    refuse_closed_registration()
    email = addresses.clean(email)
    key = lockout.account_key(f"registration:{email}")
    lockout.refuse_if_locked(key, visitor.address)
    lockout.record(key, visitor.address, succeeded=False, agent=visitor.agent)
    passwords.check_strength(password, email)
    hashed = passwords.hash_password(password)
    with transaction.atomic():
        token = onetime.issue(
            "registration", REGISTRATION_LIFE, email=email, display_name=display_name, hash=hashed
        )
        if User.objects.filter(email__iexact=email).exists():
            mails.write(
                email,
                "You have an account already",
                "Somebody wanted to make an account with this address. You have one already: "
                f"{mails.link('/sign-in')}",
            )
            return
        mails.write(
            email,
            "Confirm your e-mail address",
            "Follow this link within 24 hours, then sign in:",
            mails.link(f"/confirm-account#token={token}"),
        )


def confirm_registration(token: str) -> None:
    """Make the account that waits behind a link. Raises: NotFound, LinkInvalid."""
    refuse_closed_registration()
    found = onetime.spend("registration", token)
    if found is None:
        raise LinkInvalid
    try:
        make_person(found.data["email"], found.data["display_name"], found.data["hash"])
    except IntegrityError as exc:
        raise LinkInvalid from exc


def make_person(email: str, display_name: str, password_hash: str) -> UUID:
    """A person whose address is known to be theirs. Raises: IntegrityError (taken)."""
    with platform_unit("new account") as alias:
        user = User.objects.using(alias).create(
            email=email, display_name=display_name, password_hash=password_hash
        )
    return user.id


def refuse_closed_registration() -> None:
    """Raises: KeptElsewhere; NotFound, unless people may make accounts by themselves."""
    require_own_accounts()
    if not settings.SOMA.registration:
        raise NotFound("Accounts are made by invitation here.")


def send_reset(email: str) -> bool:
    """Mail a link for a new password, if somebody has this address. Whether one was mailed."""
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        return False
    open_links = OneTimeSecret.objects.filter(purpose="reset", user=user, used_at=None)
    if open_links.count() >= MAILS_AN_HOUR:
        return False
    with transaction.atomic():
        token = onetime.issue("reset", RESET_LIFE, user.id)
        mails.write(
            user.email,
            "Choose a new password",
            "Somebody asked for a new password for your account. This link works for an hour, "
            "and once:",
            mails.link(f"/reset-password#token={token}"),
            "If it was not you, ignore this message: your password stays as it is.",
        )
    return True


def _answer(row: ResetRequest) -> bool:
    try:
        return IDENTITY.get().send_reset(row.email)
    except IdentityAway:
        # Asked again with the next turn of the worker.
        with platform_unit("password resets") as alias:
            ResetRequest.objects.using(alias).bulk_create([ResetRequest(email=row.email)])
        return False
