"""The system user of the embedded PostgreSQL, which refuses to run as root.

Owns: creating that user, and letting it reach its files: search permission on parent directories,
never read permission, and every such change is reported. Does nothing for an ordinary user.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from somaagent.supervision.refusal import StartRefused

SERVICE_USER = "embedded_postgres"


def service_ids() -> tuple[int, int] | None:
    """Return (uid, gid) that PostgreSQL runs as; None: the present user.

    Raises: StartRefused when this is root and the user can neither be found nor made.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        _create_user()
        entry = pwd.getpwnam(SERVICE_USER)
    return entry.pw_uid, entry.pw_gid


def allow_search(path: Path, ids: tuple[int, int]) -> list[Path]:
    """Let the user `ids` pass through the parents of `path`; return the directories changed.

    Adds search permission only (o+x): names inside stay as hidden as they were.
    """
    changed = []
    for parent in path.resolve().parents:
        status = parent.stat()
        if _may_search(status, ids):
            continue
        parent.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
        changed.append(parent)
    return changed


def _may_search(status: os.stat_result, ids: tuple[int, int]) -> bool:
    uid, gid = ids
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _create_user() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    advice = (
        f"PostgreSQL does not run as root and needs a system user named {SERVICE_USER}.\n"
        "Create that user, or run ./soma up as an ordinary user."
    )
    if useradd is None:
        raise StartRefused(advice)
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    made = subprocess.run(  # noqa: S603  # fixed arguments
        [*command, "--user-group", SERVICE_USER], capture_output=True, text=True, check=False
    )
    # 9: somebody else (a second checkout) made it at the same moment.
    if made.returncode not in {0, 9}:
        msg = f"{advice}\nuseradd said: {made.stderr.strip()}"
        raise StartRefused(msg)
