"""The sweep of frames and of events: each socket frame for every role of the table, and each event
of the catalogue in another tenant than that of the things it names."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest
from websockets.exceptions import ConnectionClosed

from chat.consumers import ChatConsumer
from chat.frames import CLIENT_FRAMES
from kernel import events
from kernel.actor import Scope
from kernel.clock import now
from kernel.consuming import Arrived, _run_subscribers
from kernel.db import unit_of_work
from kernel.errors import SomaError
from kernel.ids import uuid7
from kernel.scope import PLATFORM_TENANT
from saas.authz.check import allowed
from tests.integration.test_matrix import persons
from tests.integration.test_sweep import world  # noqa: F401
from tests.support.cast import Cast
from tests.support.invented import invent
from tests.support.simulator import SimulatedProvider
from tests.support.snapshot import rows_of
from tests.support.swept import Swept
from tests.support.web import Client, Socket, Web

# What a frame asks for, on a conversation of Ann's. About the socket itself: nothing.
FRAMES = {
    "chat.message": "tenant.use",
    "conversation.watch": "tenant.view",
    "conversation.unwatch": "",
    "resume": "tenant.view",
    "chat.cancel": "tenant.use",
    "authenticate": "",
    "ping": "",
    "pong": "",
}
NO_TENANT = 4003


def payload(kind: str, world: dict[str, str]) -> dict[str, Any]:  # noqa: F811
    known: dict[str, Any] = {**world, "turn": world["turn_id"], "after": 0, "client_key": "swept"}
    return asdict(invent(CLIENT_FRAMES[kind], "frame", known))


def status_of(socket: Socket, kind: str, frame: dict[str, Any]) -> int:
    """What a frame was answered with: the status of its problem, or 200."""
    ref = socket.send(kind, **frame)
    # Frames are taken in turn: once this is answered, so is the other.
    socket.send("ping")
    failures = [one["payload"] for one in socket.until("pong") if one["type"] == "error"]
    return next((one["problem"]["status"] for one in failures if one["ref"] == ref), 200)


def test_each_frame_answers_each_person_as_the_schema_says(
    web: Web,
    model: SimulatedProvider,
    cast: Cast,
    world: dict[str, str],  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(FRAMES) == set(CLIENT_FRAMES), "a frame has no entry: what does it need?"
    handled = {frame.__name__ for frame in ChatConsumer.handlers}
    assert handled | {"Authenticate", "Pong"} == {cls.__name__ for cls in CLIENT_FRAMES.values()}
    swept = Swept("frames")
    for name, actor in (persons(cast) | {"ann": cast.ann}).items():
        for kind, met in frames_of(Client(web, name), world):
            may = not FRAMES[kind] or allowed(actor, FRAMES[kind])
            if met == NO_TENANT:
                expected = actor.tenant_id is None
            elif not FRAMES[kind] or name == "ann":
                expected = met == 200
            else:
                expected = met == (404 if may else 403) or (met == 404 and name[:4] != "acme")
            swept.met(kind, name, met, allowed=met == 200, expected=expected)
    swept.close(capsys)


def frames_of(
    client: Client,
    world: dict[str, str],  # noqa: F811
) -> Iterator[tuple[str, int]]:
    """Each frame in turn with what it met; where there is no tenant, how the socket was closed."""
    with client.socket() as socket:
        try:
            socket.until("connected")
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            yield from ((kind, closed.rcvd.code) for kind in FRAMES)
            return
        for kind in FRAMES:
            yield kind, status_of(socket, kind, payload(kind, world))


def test_an_event_reaches_nothing_of_another_tenant(
    web: Web,
    cast: Cast,
    world: dict[str, str],  # noqa: F811
    no_worker: None,
    nobody_is_woken: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each consumer gets each of its events with the names of Acme's things, elsewhere."""
    swept = Swept("events")
    known: dict[str, Any] = {name: UUID(value) for name, value in world.items()}
    before = rows_of(cast.acme_id)
    for place, tenant_id in (("globex", cast.globex_id), ("no tenant", PLATFORM_TENANT)):
        for entry in events.catalogue():
            if not events.subscriptions(entry.name):
                continue
            content = entry.adapter.dump_python(invent(entry.cls, "event", known), mode="json")
            arrived = Arrived(
                uuid7(), tenant_id, entry.name, entry.version, now(), "swept", content, {}
            )
            met = "took nothing"
            try:
                with unit_of_work(Scope(tenant_id)):
                    _run_subscribers([arrived])
            except (SomaError, LookupError) as refused:
                met = type(refused).__name__
            is_same = rows_of(cast.acme_id) == before
            swept.met(entry.name, place, met, allowed=not is_same, expected=is_same)
    swept.close(capsys)
