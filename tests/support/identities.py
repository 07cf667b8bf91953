"""The adapters of the identity port as a test drives them: who may sign in, and what is mailed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from kernel.errors import SomaError
from saas.identity import verbs
from saas.identity.embedded import EmbeddedIdentity
from saas.identity.passwords import hash_password
from saas.identity.port import IDENTITY, Identity
from saas.identity.sessions import Visitor
from saas.models import User
from tests.support.mailbox import mails_to

VISITOR = Visitor("127.0.0.1", "a test", "a device")


class Place(Protocol):
    """A place that keeps accounts."""

    identity: Identity

    def set_password(self, email: str, password: str) -> None:
        """As the person would, who has chosen one."""

    def sign_in(self, email: str, password: str) -> verbs.SignIn | None:
        """The whole way; None: refused."""

    def mails(self, email: str) -> list[str]:
        """What the person was sent, newest first."""


class Embedded:
    """Accounts of this platform."""

    def __init__(self) -> None:
        self.identity = EmbeddedIdentity()

    def set_password(self, email: str, password: str) -> None:
        rows = User.objects.using("platform").filter(email__iexact=email)
        assert rows.update(password_hash=hash_password(password))

    def sign_in(self, email: str, password: str) -> verbs.SignIn | None:
        try:
            found = verbs.sign_in(email, password, VISITOR)
        except SomaError:
            return None
        assert isinstance(found, verbs.SignIn)
        return found

    def mails(self, email: str) -> list[str]:
        return mails_to(email)


@contextmanager
def kept_by(identity: Identity) -> Iterator[Identity]:
    """This process's accounts are kept there."""
    before = IDENTITY.get()
    IDENTITY.bind(identity)
    yield identity
    IDENTITY.bind(before)
