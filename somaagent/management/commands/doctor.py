"""`./soma doctor`: what is configured, whether it works, what to do where it does not."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from somaagent.config import Described
from somaagent.supervision.diagnosis import Outcome, diagnose


class Command(BaseCommand):
    """Print the effective settings with their sources, then probe every part."""

    help = "Effective settings with their sources, a probe of each part, what to do about failures."
    # A broken part is what it is called for.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        described = settings.SOMA.describe()
        self.stdout.write("Settings")
        for line in setting_lines(described):
            self.stdout.write(line)
        self.stdout.write("\nProbes")
        has_failure = False
        for outcome in diagnose(settings.SOMA):
            self.stdout.write(outcome_line(outcome))
            self.stdout.flush()
            has_failure = has_failure or outcome.state == "fail"
        self.stdout.write("\nSomething needs attention." if has_failure else "\nAll is well.")
        if has_failure:
            sys.exit(1)


def setting_lines(described: list[Described]) -> list[str]:
    """Return one line a setting: variable, value, source."""
    name_width = max(len(one.name) for one in described)
    value_width = min(44, max(len(one.value) for one in described))
    return [
        f"  {one.name:<{name_width}}  {one.value:<{value_width}}  {one.source}" for one in described
    ]


def outcome_line(outcome: Outcome) -> str:
    """Return what a probe found, with what to do on a line below."""
    latency = "" if outcome.latency_ms is None else f" ({outcome.latency_ms:.0f} ms)"
    line = f"  {outcome.state:<5} {outcome.name:<20} {outcome.detail}{latency}"
    return f"{line}\n        -> {outcome.advice}" if outcome.advice else line
