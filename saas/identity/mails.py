"""Mails: written as rows in the unit of their cause, sent afterwards by the worker.

Without SMTP they stay in the table: platform admins read them in the console, `manage.py mailbox`
prints them. Links are built from the configured public address, never from a request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from kernel.actor import Actor
from kernel.clock import now
from kernel.db import platform_unit
from saas.authz.check import require
from saas.identity.models import Mail
from saas.models import User

MOST_ATTEMPTS = 12
# 1, 2, 4 ... minutes: the last try comes after some three days.
FIRST_PAUSE = timedelta(minutes=1)
AT_ONCE = 50
KEPT = timedelta(days=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail as platform admins see it. `body` is empty once it was sent."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str


def link(path: str) -> str:
    """An address of the interface."""
    base: str = settings.SOMA.effective_public_url
    return f"{base}{path}"


def are_sent() -> bool:
    """Whether a server for mails is set."""
    return bool(settings.MAIL_IS_SENT)


def write(recipient: str, subject: str, *paragraphs: str) -> None:
    """Keep a mail for sending, in the open unit."""
    body = "\n\n".join([*paragraphs, f"SomaAgent, {settings.SOMA.effective_public_url}"])
    # Plain insert: the app's role may write mails and never read them.
    Mail.objects.bulk_create([Mail(recipient=recipient, subject=subject, body=body)])


def new_device(user: User, address: str, agent: str) -> None:
    """Somebody signed in from a device that this person has not used before."""
    write(
        user.email,
        "A new device signed in to your account",
        f"A device that we have not seen before signed in to your account from {address}:",
        agent or "(it does not say what it is)",
        "If this was you, there is nothing to do. If not, change your password and end the "
        f"session: {link('/profile')}",
    )


def see_mails(actor: Actor, limit: int, before: UUID | None) -> list[MailView]:
    """Mails, newest first. Raises: Forbidden."""
    require(actor, "platform.administrate")
    return list_mails(limit, before)


def list_mails(limit: int, before: UUID | None = None) -> list[MailView]:
    """The same for commands of the operator."""
    with platform_unit("outbox of mails") as alias:
        rows = Mail.objects.using(alias).order_by("-id")
        if before is not None:
            rows = rows.filter(id__lt=before)
        return [_view(row) for row in rows[:limit]]


def send_due() -> int:
    """Send what waits, if there is a server. Returns how many were sent."""
    if not are_sent():
        return 0
    with platform_unit("sending mails") as alias:
        waiting = Mail.objects.using(alias).select_for_update(skip_locked=True)
        rows = list(
            waiting.filter(sent_at=None, due_at__lte=now(), attempts__lt=MOST_ATTEMPTS).order_by(
                "due_at"
            )[:AT_ONCE]
        )
        # Put off before it is tried: a worker that dies while sending does not send at once again.
        for row in rows:
            row.due_at = now() + FIRST_PAUSE * 2**row.attempts
            row.attempts += 1
            row.save(using=alias)
    return sum(1 for row in rows if _send(row))


def forget_old() -> int:
    """Delete mails past their time. Returns how many."""
    with platform_unit("mail retention") as alias:
        return Mail.objects.using(alias).filter(created_at__lt=now() - KEPT).delete()[0]


def _send(row: Mail) -> bool:
    error = ""
    try:
        with get_connection() as server:
            EmailMessage(row.subject, row.body, to=[row.recipient], connection=server).send()
    except (SMTPException, OSError) as exc:
        # The server's words may hold the address: the kind of failure is enough.
        error = type(exc).__name__
        log.warning("mail.not_sent", mail_id=str(row.id), error=error)
    with platform_unit("sending mails") as alias:
        mail = Mail.objects.using(alias).filter(id=row.id)
        if error:
            mail.update(last_error=error)
        else:
            # Its links are with the person now, and with nobody else.
            mail.update(sent_at=now(), body="", last_error="")
    return not error


def _view(row: Mail) -> MailView:
    return MailView(
        row.id, row.recipient, row.subject, row.body, row.created_at, row.sent_at, row.attempts,
        row.last_error,
    )  # fmt: skip


def print_mails(views: Iterable[MailView]) -> str:
    """Mails as text for a terminal, oldest first."""
    blocks = [
        f"{view.created_at:%Y-%m-%d %H:%M:%S} UTC  to {view.recipient}"
        f"{'  (sent)' if view.sent_at else ''}\n{view.subject}\n\n{view.body}\n"
        for view in reversed(list(views))
    ]
    return ("\n" + "-" * 72 + "\n").join(blocks)
