"""`manage.py consume_events`: one more consumer of the event bus, as a process of its own."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel.bus.backbone import BACKBONE
from somaagent.consumer import run_until


class Command(BaseCommand):
    help = "Read events from the bus and run their subscribers until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        if BACKBONE.get().is_inline:
            msg = "The embedded bus is read by the worker itself. Nothing to do here."
            raise CommandError(msg)
        over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: over.set())
        self.stdout.write("reading events")
        self.stdout.flush()
        run_until(over.wait)
