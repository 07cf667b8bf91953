"""`manage.py simulate_llm`: serve the simulated provider of `gateway.simulator`."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.simulator import run as simulator
from gateway.simulator.script import ScriptInvalid


class Command(BaseCommand):
    help = "Serve a simulated provider of language models (OpenAI and Anthropic wire protocols)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        simulator.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            simulator.run(Namespace(**options))
        except (ScriptInvalid, OSError) as exc:
            raise CommandError(str(exc)) from exc
