"""Keycloak with organisations, one node, its database in memory, from Maven Central.

A client of its administration signs in as `ADMIN` with `PASSWORD`.
"""

import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from somaagent.services.recipes import Launch, free_ports, run_tool

ADMIN = "admin"
PASSWORD = "soma-keycloak"  # noqa: S105  # of a server on 127.0.0.1 that is empty at every start
_ARTIFACT = "org.keycloak:keycloak-quarkus-dist:{version}:zip"
# Of bin/kc.sh, which would stand between us and the process that is to be stopped. Only the first
# compiler: a server of minutes is ready sooner.
_JAVA = (
    *("-Xms64m", "-Xmx512m", "-XX:MaxMetaspaceSize=256m", "-XX:TieredStopAtLevel=1"),
    *("-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Duser.language=en", "-Duser.country=US"),
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "lang", "security")),
)


class Keycloak:
    """The recipe."""

    name = "keycloak"
    version = "26.7.3"
    tools: Mapping[str, str] = {
        "java": "Java 17 or newer",
        "mvn": "Apache Maven, for the first fetch",
        "unzip": "unzip, for the first fetch",
    }
    size = "about 180 MB from Maven Central, and builds for half a minute"

    def fetch(self, into: Path) -> None:
        """See Recipe."""
        artifact = _ARTIFACT.format(version=self.version)
        copy = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}"]
        run_tool([*copy, "-DoutputDirectory=."], into)
        packed = next(into.glob("*.zip"))
        run_tool(["unzip", "-q", packed.name], into)
        packed.unlink()
        next(into.glob("keycloak-*")).rename(into / "keycloak")
        # Built once, so that a start with --optimized need not write into the shared folder.
        build = [str(into / "keycloak/bin/kc.sh"), "build", "--db=dev-mem", "--cache=local"]
        run_tool([*build, "--features=organization", "--health-enabled=false"], into)

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        """See Recipe."""
        del run_dir
        (port,) = free_ports(1)
        home = files / "keycloak"
        return Launch(
            [
                "env",
                *(
                    f"KC_BOOTSTRAP_ADMIN_USERNAME={ADMIN}",
                    f"KC_BOOTSTRAP_ADMIN_PASSWORD={PASSWORD}",
                ),
                *(
                    "java",
                    *_JAVA,
                    f"-Dkc.home.dir={home}",
                    f"-Djboss.server.config.dir={home}/conf",
                ),
                *("-cp", f"{home}/lib/quarkus-run.jar"),
                *("io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized"),
                *("--http-enabled=true", "--hostname-strict=false"),
                *("--http-host=127.0.0.1", f"--http-port={port}"),
            ],
            {"http": f"127.0.0.1:{port}"},
        )

    def is_ready(self, launch_addresses: Mapping[str, str]) -> bool:
        """The first realm is served."""
        address = f"http://{launch_addresses['http']}/realms/master"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
