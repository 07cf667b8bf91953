"""Is the built interface that of the sources beside it? Needs no Django and no Node.

Owns the digest of the interface's sources. The build writes the same digest into
`static/webui/build.json` as its last act (`frontend/build/digest.ts`), so an interrupted build
counts as missing. Must never read modification times: a fresh clone has new ones.

`python -m webui.buildinfo` prints the digest, `--state` prints missing, stale or fresh.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["missing", "stale", "fresh"]

APP_DIR = Path(__file__).resolve().parent
FRONTEND_DIR = APP_DIR / "frontend"
BUILT_DIR = APP_DIR / "static" / "webui"
COMMAND = "./soma ui"

# What decides the built files; tests and linters do not.
SOURCES = (
    ".npmrc",
    "build",
    "diagram.html",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.build.json",
    "tsconfig.json",
    "vite.config.ts",
)


@dataclass(frozen=True, slots=True)
class BuildState:
    """What stands in the static folder, and what to do about it (empty when fresh)."""

    state: State
    command: str
    detail: str


def source_digest(frontend_dir: Path = FRONTEND_DIR) -> str:
    """sha256 over one line a file, `<posix path>\\0<sha256 of content>\\n`, sorted by path."""
    paths = [path for source in SOURCES for path in _files_under(frontend_dir / source)]
    total = hashlib.sha256()
    for name, path in sorted((path.relative_to(frontend_dir).as_posix(), path) for path in paths):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


def built_digest(built_dir: Path = BUILT_DIR) -> str | None:
    """The digest of the sources that the built files were made from, or None without a build."""
    try:
        stored = json.loads((built_dir / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    digest = stored.get("digest") if isinstance(stored, dict) else None
    return digest if isinstance(digest, str) else None


def state(frontend_dir: Path = FRONTEND_DIR, built_dir: Path = BUILT_DIR) -> BuildState:
    """Compare what is built with what the sources say now.

    A wheel or an image ships the build without its sources: that counts as fresh.
    """
    built = built_digest(built_dir)
    if built is None or not (built_dir / "index.html").is_file():
        return BuildState("missing", COMMAND, "The web interface has not been built.")
    if not (frontend_dir / "src").is_dir():
        return BuildState("fresh", "", "")
    if built != source_digest(frontend_dir):
        detail = "The web interface was built from other sources than those that are here now."
        return BuildState("stale", COMMAND, detail)
    return BuildState("fresh", "", "")


def _files_under(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [found for found in path.rglob("*") if found.is_file()]


def _main(arguments: list[str]) -> int:
    if arguments == ["--state"]:
        sys.stdout.write(f"{state().state}\n")
        return 0
    if arguments:
        sys.stderr.write("usage: python -m webui.buildinfo [--state]\n")
        return 2
    sys.stdout.write(f"{source_digest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
