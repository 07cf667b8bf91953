"""`manage.py relay_outbox`: deliver waiting events; `--replay-dead` tries dead letters again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from kernel import outbox


class Command(BaseCommand):
    help = "Deliver waiting events and print what is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--replay-dead", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replay_dead"]:
            self.stdout.write(f"dead letters made due again: {outbox.replay_dead()}")
        self.stdout.write(f"delivered: {outbox.drain()}")
        left = outbox.measure()
        self.stdout.write(
            f"waiting: {left['pending']:.0f}, dead: {left['dead']:.0f}, lag: {left['lag_s']:.1f} s"
        )
