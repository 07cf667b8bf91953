"""`./soma up`: start everything on this machine and stay until Ctrl-C."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from somaagent.config import ConfigError, load
from somaagent.supervision import start
from somaagent.supervision.refusal import StartRefused


class Command(BaseCommand):
    """Start the servers, migrate, start web, worker and scheduler, print the address."""

    help = "Start SomaAgent on this machine: servers, migrations, web, worker, scheduler."
    # They need a database, which runs only later.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", help="port of the web process (SA01_PORT)")

    def handle(self, *_args: Any, **options: Any) -> None:
        environ = dict(os.environ)
        if options["port"] is not None:
            environ["SA01_PORT"] = options["port"]
        try:
            code = start.run(load(environ), sys.stdout)
        except (ConfigError, StartRefused) as refused:
            self.stderr.write(f"\n{refused}")
            sys.exit(refused.exit_code)
        sys.exit(code)
