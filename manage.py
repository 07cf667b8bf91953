#!/usr/bin/env python
"""Entry of every administrative command: `./soma manage <command>` calls it with the right Python.

Settings refuse a wrong configuration with one message and exit code 2 (see somaagent.config).
"""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")
    execute_from_command_line(sys.argv)
