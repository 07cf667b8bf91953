"""Command line of the simulator, shared by `python -m gateway.simulator` and `simulate_llm`."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gateway.simulator.script import BREAKS, FAILURES, Plan, Script, ScriptInvalid, load_script
from gateway.simulator.server import Connection, Simulator
from gateway.simulator.wheel import Wheel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9000, help="port; 0 picks a free one")
    parser.add_argument("--ttft", type=float, default=50, help="milliseconds to the first token")
    parser.add_argument("--gap", type=float, default=20, help="milliseconds between tokens")
    parser.add_argument("--tokens", type=int, default=100, help="tokens of an unscripted answer")
    parser.add_argument("--script", type=Path, help="JSON or YAML file of rules")
    parser.add_argument(
        "--fail",
        choices=sorted(FAILURES),
        default="",
        metavar="KIND",
        help="fail in this way: a refusal ("
        + ", ".join(sorted(FAILURES - set(BREAKS)))
        + ") or "
        + "; ".join(f"{kind}: {what}" for kind, what in BREAKS.items()),
    )
    parser.add_argument(
        "--while-stdin-open",
        action="store_true",
        help="stop when standard input closes (so that it ends with the process that started it)",
    )


def script_of(options: argparse.Namespace) -> Script:
    """The script that the options describe. Raises: ScriptInvalid, OSError."""
    plan = Plan(ttft_ms=options.ttft, gap_ms=options.gap, tokens=options.tokens, fail=options.fail)
    if options.script is None:
        return Script(plan)
    return load_script(options.script.read_text(encoding="utf-8"), plan)


def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    script = script_of(options)
    factory: Any = None
    with suppress(ImportError):
        # Twice as many chunks a second as the standard loop.
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(options, script))


async def _serve(options: argparse.Namespace, script: Script) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.while_stdin_open:
        await loop.connect_read_pipe(partial(_UntilClosed, stop), sys.stdin)
    simulator = Simulator(loop, script, Wheel(loop))
    server = await loop.create_server(
        lambda: Connection(simulator), options.host, options.port, backlog=4_096
    )
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(f"listening on {host}:{port}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


class _UntilClosed(asyncio.Protocol):
    """Sets an event when the pipe closes."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._stop.set()

    def eof_received(self) -> None:
        self._stop.set()


def main(arguments: list[str] | None = None) -> None:
    """Entry point without Django."""
    parser = argparse.ArgumentParser(prog="gateway.simulator", description="A simulated provider")
    add_arguments(parser)
    try:
        run(parser.parse_args(arguments))
    except (ScriptInvalid, OSError) as exc:
        parser.exit(2, f"{exc}\n")
