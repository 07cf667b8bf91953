"""`manage.py brain`: the memory engine as an HTTP service; its keys."""

import socket
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from memory.brain_server import keys
from saas.models import Tenant

DEFAULT_PORT = 30001


class Command(BaseCommand):
    help = "Serve the brain over HTTP, or issue, list and revoke the keys of its clients."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to bind")
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to bind")
        parser.add_argument(
            "--memory-port",
            type=int,
            metavar="PORT",
            help="also serve objects by coordinate (SomaFractalMemory's addresses), as on 10001",
        )
        acts = parser.add_subparsers(dest="act", metavar="act")
        issue = acts.add_parser("issue-key", help="make a key; it is shown once")
        issue.add_argument("--name", required=True, help="what the key is for")
        whose = issue.add_mutually_exclusive_group(required=True)
        whose.add_argument("--tenant", help="slug or id of the one tenant that the key opens")
        whose.add_argument(
            "--platform", action="store_true", help="opens the tenant that a request names"
        )
        acts.add_parser("keys", help="list the keys")
        revoke = acts.add_parser("revoke-key", help="end a key")
        revoke.add_argument("key_id", type=UUID)

    def handle(self, *args: Any, **options: Any) -> None:
        acts = {"issue-key": self._issue, "keys": self._list, "revoke-key": self._revoke}
        acts.get(options["act"] or "", self._serve)(options)

    def _serve(self, options: dict[str, Any]) -> None:
        import uvicorn

        from memory.brain_server.asgi import Application, Indexer
        from somaagent import wiring

        if settings.SOMA.brain_is_remote:
            msg = "SOMA_BRAIN_URL is set: this installation uses another brain. Unset it here."
            raise CommandError(msg)
        indexer = Indexer()
        wiring.bind_embedded_brain(indexer.wake)
        host, memory_port = options["host"], options["memory_port"]
        ports = {"brain": options["port"], "memory": memory_port}
        config = uvicorn.Config(
            Application(indexer, memory_port),
            host=host,
            port=options["port"],
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        with ExitStack() as undo:
            sockets = [
                undo.enter_context(_listening(host, port)) for port in ports.values() if port
            ]
            for name, port in ports.items():
                if port:
                    line = f"{name} at http://{host}:{port} (documentation at /docs)"
                    self.stdout.write(line)
            self.stdout.flush()
            uvicorn.Server(config).run(sockets=sockets)

    def _issue(self, options: dict[str, Any]) -> None:
        tenant_id = None if options["platform"] else _tenant_id(options["tenant"])
        issued = keys.issue(options["name"], tenant_id)
        self.stdout.write(f"Key:   {issued.key_id}")
        self.stdout.write(f"Token: {issued.token}")
        self.stdout.write("It is shown only now.")

    def _list(self, _options: dict[str, Any]) -> None:
        for key in keys.listed():
            whose = f"tenant {key.tenant_id}" if key.tenant_id else "platform"
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"
            self.stdout.write(f"{key.id}  {state:<24} {whose:<44} {key.name}")

    def _revoke(self, options: dict[str, Any]) -> None:
        keys.revoke(options["key_id"])
        self.stdout.write("Revoked.")


def _listening(host: str, port: int) -> socket.socket:
    """Return a bound socket.  Raises: CommandError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as exc:
        bound.close()
        msg = f"{host}:{port} cannot be used ({exc.strerror}). Choose another port."
        raise CommandError(msg) from exc
    return bound


def _tenant_id(given: str) -> UUID:
    """Return the tenant of a slug or an id.  Raises: CommandError."""
    found = Tenant.objects.filter(slug=given).first()
    if found is None:
        try:
            found = Tenant.objects.filter(id=UUID(given)).first()
        except ValueError:
            found = None
    if found is None:
        msg = f"there is no tenant {given!r}"
        raise CommandError(msg)
    return UUID(str(found.id))
