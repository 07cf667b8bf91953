"""`manage.py mailbox`: what was written to people, for installations that send no mails."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from saas.identity.mails import list_mails, print_mails


class Command(BaseCommand):
    help = "Print the newest mails, oldest first; links of sent ones are no longer kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=20)

    def handle(self, *args: Any, **options: Any) -> None:
        found = list_mails(options["limit"])
        self.stdout.write(print_mails(found) if found else "There are no mails.")
