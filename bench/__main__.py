"""`./soma bench [scenario …]`: all scenarios by default, or those that are named."""

import argparse
import os

from bench.runner import GROUPS, SCENARIOS, run


def main() -> None:
    """Read the command line and run."""
    names = [*GROUPS, *SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="soma bench", description="Measure; samples go to bench/results/raw."
    )
    parser.add_argument(
        "scenario", nargs="*", help=f"turn (all of them, the default), or: {', '.join(SCENARIOS)}"
    )
    wanted = parser.parse_args().scenario or ["turn"]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(names)}")
    # Settings and keys of whoever measures must neither be used nor change the figures.
    for name in list(os.environ):
        if name.startswith(("SA01_", "SOMA_")) or name.endswith("_API_KEY"):
            del os.environ[name]
    run(wanted)


if __name__ == "__main__":
    main()
