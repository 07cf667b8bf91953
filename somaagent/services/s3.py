"""Object storage that speaks S3: versitygw over a folder, built from its Go module.

It has the bucket `BUCKET`; a client signs as `KEY_ID` with `SECRET`.
"""

import http.client
from collections.abc import Mapping
from pathlib import Path

from somaagent.services.recipes import Launch, free_ports, run_tool

KEY_ID = "soma"
SECRET = "soma-storage"  # noqa: S105  # of a server on 127.0.0.1 that is empty at every start
BUCKET = "somaagent"
_MODULE = "github.com/versity/versitygw"


class S3:
    """The recipe."""

    name = "s3"
    version = "1.8.0"
    tools: Mapping[str, str] = {"go": "Go 1.25 or newer, for the first fetch"}
    size = "about 100 MB of Go modules, and builds for one or two minutes"

    def fetch(self, into: Path) -> None:
        """See Recipe. A module of its own: that is how a version is built with its own locks."""
        go = ["env", "GOFLAGS=-mod=mod", "go"]
        run_tool([*go, "mod", "init", "services"], into)
        run_tool([*go, "get", f"{_MODULE}@v{self.version}"], into)
        build = [*go, "build", "-trimpath", "-ldflags", "-s -w", "-o", "versitygw"]
        run_tool([*build, f"{_MODULE}/cmd/versitygw"], into)

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        """See Recipe. Metadata lies beside the data: not every file system has attributes."""
        data, beside = run_dir / "data", run_dir / "metadata"
        (data / BUCKET).mkdir(parents=True)
        beside.mkdir()
        address = f"127.0.0.1:{free_ports(1)[0]}"
        return Launch(
            [
                *("env", f"ROOT_ACCESS_KEY={KEY_ID}", f"ROOT_SECRET_KEY={SECRET}"),
                *(str(files / "versitygw"), "--quiet", "--port", address),
                *("posix", "--sidecar", str(beside), str(data)),
            ],
            {"http": address},
        )

    def is_ready(self, launch_addresses: Mapping[str, str]) -> bool:
        """It answers, if only that nobody may ask without a key."""
        connection = http.client.HTTPConnection(launch_addresses["http"], timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 403
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
