"""`manage.py account close|open|forget-factors EMAIL`: who may sign in, in every tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from saas.errors import KeptElsewhere, PersonUnknown
from saas.identity.accounts import forget_factors, set_account_open
from saas.identity.port import IdentityAway


class Command(BaseCommand):
    help = (
        "Close an account for the whole installation, or open it again; memberships stay. "
        "Or take the second factors of somebody who lost them all, after proof of who it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=("close", "open", "forget-factors"))
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        is_open = options["act"] == "open"
        try:
            if options["act"] == "forget-factors":
                ended = forget_factors(options["email"])
                self.stdout.write(f"second factors removed; sessions ended: {ended}")
                return
            ended = set_account_open(options["email"], is_open=is_open)
        except (PersonUnknown, KeptElsewhere) as exc:
            raise CommandError(exc.detail) from exc
        except IntegrityError as exc:
            raise CommandError("This is the last platform admin: make another one first.") from exc
        except IdentityAway as exc:
            raise CommandError(
                f"It holds here already. {exc.detail} Run this again when it answers."
            ) from exc
        self.stdout.write("opened" if is_open else f"closed; sessions ended: {ended}")
