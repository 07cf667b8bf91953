"""E-mail addresses: one spelling each, and none that only looks like another.

Two accounts whose addresses look alike (a Cyrillic letter for a Latin one) would let one person be
taken for the other, so that only ASCII is accepted (RFC 5321; internationalised ones are refused).
"""

import re

from kernel.errors import Unprocessable

_SHAPE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")


class EmailRefused(Unprocessable):
    """Not an address that mail can be sent to, or one with letters that look like others."""

    code, title = "email-refused", "This e-mail address cannot be used"


def clean(address: str) -> str:
    """The address in its one spelling. Raises: EmailRefused."""
    found = address.strip().lower()
    if not _SHAPE.fullmatch(found) or ".." in found:
        raise EmailRefused("Use an address such as name@example.org, in plain letters.")
    return found
