"""`./soma bench [scenario …]`: all scenarios by default, or those that are named."""

import argparse
import os
import signal
import sys
from pathlib import Path

from bench.runner import GROUPS, SCENARIOS, Options, run


def main() -> None:
    """Read the command line and run."""
    names = [*GROUPS, *SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="soma bench", description="Measure; samples go to bench/results/raw."
    )
    parser.add_argument(
        "scenario",
        nargs="*",
        help=f"{', '.join(GROUPS)} (default turn), or: {', '.join(SCENARIOS)}",
    )
    parser.add_argument(
        "--kills",
        type=int,
        default=Options().kills,
        help="memory-kills, chaos: how many (default %(default)s)",
    )
    parser.add_argument(
        "--memories",
        type=_sizes,
        default=Options().memories,
        help="memory-recall: sizes of the table, with commas (default 10000,100000,1000000)",
    )
    parser.add_argument(
        "--open-webui",
        type=Path,
        metavar="DIR",
        help="peer: an environment of its own with open-webui in it, to be measured beside",
    )
    for peer, package in (("litellm", "litellm[proxy]"), ("portkey", "@portkey-ai/gateway")):
        parser.add_argument(
            f"--{peer}",
            type=Path,
            metavar="DIR",
            help=f"gateway: a directory of its own with {package} in it, to be measured beside",
        )
    parser.add_argument(
        "--calls",
        type=int,
        default=Options().calls,
        help="gateway-usage: how many calls the usage page is looked at over (default %(default)s)",
    )
    given = parser.parse_args()
    wanted = given.scenario or ["turn"]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(names)}")
    # Whoever ends the run ends its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Settings and keys of whoever measures must neither be used nor change the figures.
    for name in list(os.environ):
        if name.startswith(("SA01_", "SOMA_")) or name.endswith("_API_KEY"):
            del os.environ[name]
    peers = (given.open_webui, given.litellm, given.portkey)
    run(wanted, Options(given.kills, given.memories, *peers, given.calls))


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(size.replace("_", "")) for size in text.split(",")))


if __name__ == "__main__":
    main()
