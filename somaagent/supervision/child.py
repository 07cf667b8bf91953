"""The last step before each supervised program: become its user, tie its life to its parent's.

Run by supervisord as `python -m somaagent.supervision.child NAME`; reads the program from the file
named by SOMAAGENT_CHILDREN. Standard library only: it runs before every start and must be quick.
Why a file: supervisord reads some characters of a command line as its own syntax, and an
installation may live at any path.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

CHILDREN_FILE = "SOMAAGENT_CHILDREN"
PR_SET_PDEATHSIG = 1  # prctl(2), <linux/prctl.h>


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One program: what to run, as whom, and how it is asked to stop.

    `user_ids`: (uid, gid) to become, or None to stay. `stop_signal`: also sent by the kernel when
    the parent dies. `drop_env`: prefixes of variables that the program must not see.
    """

    name: str
    argv: Sequence[str]
    stop_signal: str = "TERM"
    stop_wait_s: int = 5
    user_ids: tuple[int, int] | None = None
    nice: int = 0
    drop_env: Sequence[str] = field(default=())


def write(specs: Sequence[ChildSpec], path: Path) -> None:
    """Write the programs where `child` finds them: {name: {argv: [...], ...}}."""
    path.write_text(json.dumps({spec.name: asdict(spec) for spec in specs}, indent=1))


def become(spec: ChildSpec) -> None:
    """Take the user and the priority, then ask for `stop_signal` when the parent dies.

    The kernel forgets that request at any change of user, so it comes last.
    """
    parent = os.getppid()
    if spec.nice:
        os.nice(spec.nice)
    if spec.user_ids is not None:
        uid, gid = spec.user_ids
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    die_with_parent(signal.Signals[f"SIG{spec.stop_signal}"])
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)


def die_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send `number` to this process when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def main() -> None:
    """Become the program named on the command line; does not return."""
    programs = json.loads(Path(os.environ[CHILDREN_FILE]).read_text())
    spec = ChildSpec(**programs[sys.argv[1]])
    become(spec)
    dropped = tuple(spec.drop_env)
    environ = {k: v for k, v in os.environ.items() if not dropped or not k.startswith(dropped)}
    os.execve(spec.argv[0], list(spec.argv), environ)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
