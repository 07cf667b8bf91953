"""Worker tasks of saas."""

from celery import shared_task

from saas.audit.archiving import archive_all
from saas.identity import impersonation, mails, onetime, recovery, sessions, tokens
from saas.keycloak.entrance import forget_sessions


@shared_task(name="saas.send_mails")  # type: ignore[untyped-decorator]  # celery has no types
def send_mails() -> int:
    """Answer requests for new passwords, then send what waits. Gives how many were sent."""
    recovery.answer_requests()
    return mails.send_due()


@shared_task(name="saas.forget_secrets")  # type: ignore[untyped-decorator]  # celery has no types
def forget_secrets() -> None:
    """Forget one-time secrets, refresh tokens, mails and ended sessions past their time."""
    onetime.forget_old()
    tokens.forget_old()
    mails.forget_old()
    forget_sessions()
    sessions.forget_old()


@shared_task(name="saas.close_acting")  # type: ignore[untyped-decorator]  # celery has no types
def close_acting() -> int:
    """Write down what ended by itself of those who act as somebody. Gives how many."""
    return impersonation.close_due()


@shared_task(name="saas.archive_audit")  # type: ignore[untyped-decorator]  # celery has no types
def archive_audit() -> int:
    """Put old entries of the audit log into object storage. Gives how many left the database."""
    return archive_all()
