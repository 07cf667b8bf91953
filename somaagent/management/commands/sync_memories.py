"""`manage.py sync_memories [--dry-run]`: bring to memory what is kept but not yet remembered.

Turns that wait in the outbox are delivered now, also those that gave up; then memories get their
embeddings. Every delivery is once in effect, so the command may be repeated and interrupted.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel import events, letters, outbox
from kernel.errors import SomaError
from memory.facade import BRAIN, CONSUMERS


class Command(BaseCommand):
    help = "Deliver what waits to be remembered, replay what gave up, and print the counts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what there is")

    def handle(self, *args: Any, **options: Any) -> None:
        types = events.told_to(CONSUMERS)
        self._tell("before", types)
        if options["dry_run"]:
            self.stdout.write("dry run: nothing was changed")
            return
        replayed = outbox.replay_dead(types)
        hastened = outbox.hasten(types)
        self.stdout.write(f"due again: {replayed} dead letters, {hastened} that were backing off")
        self.stdout.write(f"delivered: {outbox.drain()}")
        try:
            self.stdout.write(f"embeddings made: {BRAIN.get().settle()}")
        except SomaError as exc:
            self.stdout.write(f"embeddings made: none; {exc.detail}")
        left = self._tell("after", types)
        if left:
            msg = f"{left} events are still not delivered; the causes stand above."
            raise CommandError(msg)

    def _tell(self, when: str, types: list[str]) -> int:
        """Print every group of undelivered events; return how many events there are."""
        groups = letters.survey(types)
        count = sum(one.count for one in groups)
        self.stdout.write(f"{when}: {count} not delivered; {_waiting()}")
        for one in groups:
            cause = f" ({one.cause})" if one.cause else ""
            self.stdout.write(f"  {one.count} {one.type} {one.condition}{cause}")
        return count


def _waiting() -> str:
    """Say how many memories wait for their embedding, or why that is not known."""
    try:
        pending = BRAIN.get().pending()
    except SomaError as exc:
        return f"what waits in the brain is not known: {exc.detail}"
    return (
        f"{pending.waiting} memories wait for their embedding, {pending.failed} could not get one"
    )
