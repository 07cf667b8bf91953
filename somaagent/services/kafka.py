"""Apache Kafka: one node, KRaft (no ZooKeeper), from Maven Central with its own dependencies."""

import base64
import shutil
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from somaagent.services.recipes import Launch, free_ports, run_tool

_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>somaagent</groupId><artifactId>services</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{version}</version></dependency></dependencies></project>
"""
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=5
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
_HEAP = "-Xmx512m"


class Kafka:
    """The recipe."""

    name = "kafka"
    version = "4.1.1"
    tools: Mapping[str, str] = {
        "java": "Java 17 or newer",
        "mvn": "Apache Maven, for the first fetch",
    }
    size = "about 45 MB from Maven Central"

    def fetch(self, into: Path) -> None:
        """See Recipe."""
        (into / "pom.xml").write_text(_POM.format(version=self.version))
        run_tool(
            [
                *("mvn", "-q", "-B", "dependency:copy-dependencies"),
                *("-DoutputDirectory=libs", "-DincludeScope=runtime"),
            ],
            into,
        )

    def prepare(self, files: Path, run_dir: Path) -> Launch:
        """See Recipe. A fresh, formatted log directory every time."""
        broker, controller = free_ports(2)
        config = run_dir / "server.properties"
        config.write_text(
            _PROPERTIES.format(broker=broker, controller=controller, data=run_dir / "data")
        )
        java = shutil.which("java") or "java"
        run = [java, _HEAP, "-cp", f"{files / 'libs'}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A leading dash would be read as an option.
        cluster = f"A{cluster[1:]}"
        run_tool(
            [*run, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)], run_dir
        )
        return Launch([*run, "kafka.Kafka", str(config)], {"bootstrap": f"127.0.0.1:{broker}"})

    def is_ready(self, launch_addresses: Mapping[str, str]) -> bool:
        """A broker opens its port only when it serves: an ApiVersions request is answered."""
        host, _, port = launch_addresses["bootstrap"].partition(":")
        # Length, api key 18 (ApiVersions), version 0, correlation id 1, no client id.
        request = bytes.fromhex("0000000a 0012 0000 00000001 ffff".replace(" ", ""))
        try:
            with socket.create_connection((host, int(port)), timeout=2) as connection:
                connection.sendall(request)
                return len(connection.recv(8)) == 8
        except OSError:
            return False
