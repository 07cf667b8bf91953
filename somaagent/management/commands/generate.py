"""`manage.py generate [--check]`: reference documents and generated types from the code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from somaagent import asgi  # noqa: F401  # every metric of the web process is declared by now
from somaagent.config.groups import ROOT
from somaagent.generate.reference import DOCUMENTS
from somaagent.generate.typescript import frames_ts


class Command(BaseCommand):
    help = "Write docs/reference/ and the front end's generated types."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when a file is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {path: make() for path, make in DOCUMENTS.items()}
        wanted["webui/frontend/src/generated/frames.ts"] = frames_ts()
        stale = []
        for name, text in wanted.items():
            path = ROOT / name
            if path.exists() and path.read_text() == text:
                continue
            stale.append(name)
            if not options["check"]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        if stale and options["check"]:
            names = ", ".join(stale)
            raise CommandError(f"Out of date: {names}. Run `./soma manage generate`.")
        self.stdout.write(f"{'written' if stale else 'up to date'}: {', '.join(stale) or 'all'}")
