#!/usr/bin/env python
"""Entry of every administrative command: `./soma manage <command>` calls it with the right Python.

Settings refuse a wrong configuration with one message and exit code 2 (see somaagent.config).
"""

import os
import sys

from somaagent.config import ConfigError

INTERRUPTED = 130  # as a shell reports Ctrl-C


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")
    try:
        # Imported here because loading takes a moment in which Ctrl-C may come already.
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except ConfigError as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(refused.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
