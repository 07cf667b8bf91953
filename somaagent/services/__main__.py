"""`./soma services [start|stop|status] [NAME]`."""

import argparse
import sys
import time

from somaagent.services.recipes import ServiceProblem, cache, recipes
from somaagent.services.running import home_of, start, status, stop


def main() -> int:
    """Read the command line and act; the exit code (`status`: 3 when it does not run)."""
    known = recipes()
    parser = argparse.ArgumentParser(
        prog="soma services",
        description=f"Real services for trying out and tests; files are kept in {cache()}.",
    )
    parser.add_argument("act", choices=("start", "stop", "status"), nargs="?", default="status")
    parser.add_argument("name", choices=sorted(known), nargs="?")
    given = parser.parse_args()
    if given.name is None:
        if given.act != "status":
            parser.error(f"say which: {', '.join(sorted(known))}")
        for name in sorted(known):
            _tell(name)
        return 0
    if given.act == "start":
        return _start(given.name)
    if given.act == "stop":
        ended = stop(home_of(given.name))
        print(f"{given.name}: {'stopped' if ended else 'was not running'}")  # noqa: T201
        return 0
    return 0 if _tell(given.name) else 3


def _start(name: str) -> int:
    recipe = recipes()[name]
    began = time.monotonic()
    print(f"{name} {recipe.version}: starting (first use fetches {recipe.size})", flush=True)  # noqa: T201
    try:
        start(recipe, home_of(name))
    except ServiceProblem as exc:
        print(exc, file=sys.stderr)  # noqa: T201
        return 1
    print(f"{name}: ready after {time.monotonic() - began:.1f} s")  # noqa: T201
    _tell(name)
    return 0


def _tell(name: str) -> bool:
    running = status(home_of(name))
    if running is None:
        print(f"{name}: not running")  # noqa: T201
        return False
    places = ", ".join(f"{what} {where}" for what, where in running.addresses.items())
    print(f"{name} {running.version}: runs as process {running.pid}, {places}")  # noqa: T201
    return True


if __name__ == "__main__":
    sys.exit(main())
