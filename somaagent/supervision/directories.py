"""The directories of an installation: made, private where they must be, checked to be writable.

Owns: the layout below `var/`. Never loosens a permission that somebody set.
"""

import os
import shutil
import stat
from pathlib import Path

from somaagent.config import Config
from somaagent.supervision.refusal import StartRefused

PRIVATE = 0o700


def prepare(config: Config) -> None:
    """Make `var/`, `var/log`, `var/run` and the socket directory. Idempotent.

    Raises: StartRefused when one cannot be written, or belongs to somebody else.
    """
    try:
        config.var_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, mode in (("log", PRIVATE), ("run", 0o711)):
            (config.var_dir / name).mkdir(mode=mode, exist_ok=True)
        _prepare_socket_dir(config.socket_dir, config.var_dir)
    except OSError as exc:
        raise StartRefused(_unwritable(config.var_dir, exc)) from exc
    for directory in (config.var_dir, config.var_dir / "log", config.var_dir / "run"):
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StartRefused(_unwritable(directory, None))


def clean_up(config: Config) -> None:
    """Remove the socket directory of a stopped installation where it is not below `var/`."""
    if config.socket_dir.parent != config.var_dir:
        shutil.rmtree(config.socket_dir, ignore_errors=True)


def _prepare_socket_dir(directory: Path, var_dir: Path) -> None:
    if directory.parent == var_dir:
        return
    # /tmp is shared: the name could have been taken by somebody else before us.
    directory.mkdir(mode=0o711, exist_ok=True)
    status = directory.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if not is_ours or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        msg = (
            f"{directory} is needed for sockets but belongs to somebody else, or is writable by "
            f"others.\nRemove it, or set SA01_VAR_DIR to a shorter path."
        )
        raise StartRefused(msg)


def _unwritable(directory: Path, exc: OSError | None) -> str:
    reason = f" ({exc.strerror})" if exc is not None and exc.strerror else ""
    return (
        f"{directory} cannot be written{reason}.\n"
        "All data, logs and sockets live there. Make it writable for this user,\n"
        "or set SA01_VAR_DIR to a directory that is."
    )
