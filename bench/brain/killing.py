"""`python -m bench.brain.killing`: the kill sweep on an installation of its own, without workers.

{kills, seed} as JSON on standard input; answers with the account of tests.support.memory_kills.
"""

import os
import subprocess
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "somaagent.settings")

import django

django.setup()

from bench.machine import ROOT  # noqa: E402
from tests.support import chaos  # noqa: E402


def main() -> None:
    """Make an installation, sweep, remove it."""
    job = sys.stdin.read()
    with chaos.installation() as place:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.memory_kills"],
            cwd=ROOT,
            env={**os.environ, "SA01_VAR_DIR": str(place.var_dir), "SA01_LOG_LEVEL": "error"},
            input=job,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    sys.stdout.write(done.stdout)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
