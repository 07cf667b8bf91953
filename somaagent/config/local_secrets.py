"""Secrets and sockets that a standalone installation makes for itself below `var/`.

Owns: `var/secrets/` (directory 0700, files 0600), the choice of the socket directory.
Never replaces a secret that exists, and never makes a new one where data was already written under
an old one: that data could not be opened any more.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from somaagent.config.findings import ConfigError, Finding

MARKER_NAME = "data-exists.json"
# sun_path holds 108 bytes with its closing zero; the longest name that we bind below the directory
# is "/supervisor.sock.<pid>".
LONGEST_SOCKET_DIR_BYTES = 107 - len("/supervisor.sock.4194304")
# libpq, PostgreSQL and supervisord each read some characters of a path as their own syntax.
PLAIN_PATH = re.compile(r"[\w./ +@=-]+", re.ASCII)


def socket_dir(var_dir: Path) -> Path:
    """Return the directory for the sockets of the embedded services of `var_dir`.

    The same `var_dir` always gives the same directory, so that a second terminal finds the
    services without being told. Where the path is too long for AF_UNIX, or holds characters that
    a connection string cannot carry, it is a directory below /tmp named by a digest.
    """
    plain = var_dir / "run"
    if len(os.fsencode(plain)) <= LONGEST_SOCKET_DIR_BYTES and PLAIN_PATH.fullmatch(str(plain)):
        return plain
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    # Not tempfile.gettempdir(): TMPDIR may differ between two terminals. Ownership and mode of
    # the directory are checked before anything is put into it (supervision.directories).
    return Path("/tmp") / f"soma-{digest}"  # noqa: S108


def read_or_create(var_dir: Path, name: str, variable: str, make: Callable[[], str]) -> str:
    """Return the secret `name` of `var/secrets/`, making it with `make` the first time.

    Idempotent on: (var_dir, name), also between processes that start at the same moment.
    Raises: ConfigError when the directory cannot be written, or when data exists without it.
    """
    path = var_dir / "secrets" / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise ConfigError([_unreadable(variable, path, exc)]) from exc
    if (var_dir / MARKER_NAME).exists():
        raise ConfigError([_lost(variable, path)])
    try:
        return _create(path, make())
    except OSError as exc:
        raise ConfigError([_unreadable(variable, path, exc)]) from exc


def new_secret_key() -> str:
    """Return a new signing key: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(48)


def new_encryption_keys() -> str:
    """Return a new key ring of one 256-bit key, in the form `id:base64`."""
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _create(path: Path, text: str) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        # link() refuses an existing name: of two processes at the same moment one wins, both
        # read the winner's secret.
        path.hardlink_to(draft)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        draft.unlink(missing_ok=True)
    return text


def _unreadable(variable: str, path: Path, exc: OSError) -> Finding:
    var_dir = path.parent.parent
    accepted = f"a {var_dir} that is writable (SA01_VAR_DIR names it), or the secret in {variable}"
    return Finding(variable, f"{path}: {exc.strerror or exc}", accepted)


def _lost(variable: str, path: Path) -> Finding:
    return Finding(
        variable,
        f"nothing, and {path} is gone although data was written with it",
        f"the same secret as before: put {path} back from a backup, or set {variable}",
    )
