"""Mails as people get them: the table is the mailbox of an installation without SMTP."""

import re

from saas.identity import mails, recovery


def mails_to(email: str) -> list[str]:
    """Subjects and texts, newest first; requests for new passwords are answered before."""
    recovery.answer_requests()
    found = mails.list_mails(200)
    return [f"{one.subject}\n{one.body}" for one in found if one.recipient == email]


def link_in(mail: str) -> str:
    """The token in the link of a mail."""
    found = re.search(r"#token=([\w-]+)", mail)
    assert found is not None, mail
    return found.group(1)
