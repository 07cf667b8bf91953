"""The chat socket: parses frames, calls verbs, forwards what `turns.stream` has.

Holds no state that matters: a socket that is lost is opened again and resumes.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import structlog
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.cookie import parse_cookie
from django.http.request import validate_host
from prometheus_client import Gauge
from pydantic import ValidationError

from chat import frames, verbs
from chat.turns import opening, service, store, stream
from kernel import trace
from kernel.actor import Actor
from kernel.bus.ports import BUS
from kernel.clock import monotonic_s
from kernel.condition import CONDITION
from kernel.db import AWAY, DatabaseAway, in_unit
from kernel.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    SomaError,
    Unauthenticated,
    Unprocessable,
)
from kernel.ids import uuid7
from saas.facade import (
    COOKIE,
    RightsChange,
    authenticate,
    known_choice,
    reauthenticate,
    redeem_ticket,
    require,
    watch_modes,
    watch_rights,
)

INTERNAL, NOT_SIGNED_IN, FORBIDDEN, UNKNOWN = 4000, 4001, 4003, 4004
TICKET_PATIENCE_S = 5.0
# Rights are looked at again this often, at the next frame of the client.
ACTOR_FRESH_S = 4.0
# A client that takes longer for one frame is closed; it resumes when it is ready.
SEND_PATIENCE_S = 10.0
# A message of the longest allowed text, escaped, with its envelope.
FRAME_MAX_CHARS = 2_500_000
ID_MAX_CHARS = 100
# As over HTTP (`chat.schemas`).
CLIENT_KEY = re.compile(r"[\x21-\x7e]{1,100}")

log = structlog.get_logger(__name__)

_open = Gauge("soma_websockets_open", "Open chat sockets")


class UnknownFrame(BadRequest):
    """No such frame type, or a payload that does not fit it."""

    code, title = "unknown-frame", "This frame is not understood"


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # untyped library
    """One browser tab (or API client)."""

    actor: Actor | None
    handlers: ClassVar[dict[type[Any], str]] = {
        frames.SendMessage: "_on_message",
        frames.Watch: "_on_watch",
        frames.Unwatch: "_on_unwatch",
        frames.Resume: "_on_resume",
        frames.Cancel: "_on_cancel",
        frames.Ping: "_on_ping",
    }

    def __init__(self) -> None:
        super().__init__()
        self.actor = None
        self._checked_at = 0.0
        self._request_id = str(uuid7())
        self._followed: dict[UUID, asyncio.Task[None]] = {}
        self._watched: dict[UUID, Callable[[], Awaitable[None]]] = {}
        self._ticket_timer: asyncio.TimerHandle | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._stop_health: Callable[[], None] | None = None
        self._health_told: frames.Health | None = None
        self._stop_modes: Callable[[], None] | None = None
        self._stop_rights: Callable[[], None] | None = None
        self._mode_told = frames.Mode("production", "production", is_enterprise=False)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand one message of the server to its method.

        Unlike the library's: no thread is asked to close old connections first, because this
        class never touches the database outside `in_unit`, which does so itself.
        """
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Check the origin, then the cookie; without a cookie a ticket must come first."""
        _open.inc()
        headers = dict(self.scope["headers"])
        if not _same_origin(headers):
            await self._refuse(FORBIDDEN)
            return
        secret = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        if secret is None:
            await self.accept()
            self._ticket_timer = asyncio.get_running_loop().call_later(
                TICKET_PATIENCE_S, lambda: self._spawn(self.close(NOT_SIGNED_IN))
            )
            return
        try:
            actor = await in_unit(authenticate, secret, self._request_id)
        except Unauthenticated:
            await self._refuse(NOT_SIGNED_IN)
            return
        except AWAY:
            await self._refuse(INTERNAL)
            return
        await self.accept()
        await self._welcome(actor)

    async def disconnect(self, code: int) -> None:
        """Stop forwarding; turns go on."""
        _open.dec()
        if self._ticket_timer is not None:
            self._ticket_timer.cancel()
        if self._stop_health is not None:
            self._stop_health()
        if self._stop_modes is not None:
            self._stop_modes()
        if self._stop_rights is not None:
            self._stop_rights()
        for task in [*self._followed.values(), *self._errands]:
            task.cancel()
        for stop in self._watched.values():
            await stop()
        self._watched.clear()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the client: parse, refresh the rights, dispatch; errors become frames."""
        ref: str | None = None
        try:
            ref, envelope = _parse(text_data)
            frame = _frame_of(envelope)
            if isinstance(frame, frames.Authenticate):
                await self._on_authenticate(frame)
                return
            if isinstance(frame, frames.Pong):
                return
            await self._refresh()
            handler: Callable[[Any, str | None], Awaitable[None]] = getattr(
                self, self.handlers[type(frame)]
            )
            with trace.span(f"socket {envelope['type']}", "server"):
                await handler(frame, ref)
        except Unauthenticated:
            await self.close(NOT_SIGNED_IN)
        except SomaError as exc:
            await self._fail(exc, ref)
        except AWAY:
            await self._fail(
                DatabaseAway(
                    "It is away for a moment. Send again with the same key: nothing is doubled.",
                    retry_after=2,
                ),
                ref,
            )
        except Exception:
            log.exception("socket.frame_failed")
            await self._fail(InternalError("The cause is in our log."), ref)

    async def _on_authenticate(self, frame: frames.Authenticate) -> None:
        if self.actor is not None:
            return
        actor = await in_unit(redeem_ticket, frame.ticket, self._request_id)
        if self._ticket_timer is not None:
            self._ticket_timer.cancel()
        await self._welcome(actor)

    async def _on_message(self, frame: frames.SendMessage, ref: str | None) -> None:
        actor = self._who()
        asked = (actor, frame.conversation_id, frame.content, frame.client_key)
        opened = await service.open_turn(opening.open_message, *asked, question=frame.content)
        turn = opened.turn
        turn_id = UUID(turn.id)
        await self._say(
            frames.Accepted(
                ref,
                opened.client_key,
                opened.created,
                turn.id,
                turn.conversation_id,
                turn.branch_id,
                opened.user_message,
                turn.message_id,
                trace.current_id(),
            )
        )
        if opened.created:
            await self._say(frames.Typing(turn.conversation_id, turn.id))
        self._follow(turn_id, 0)
        await service.announce(opened)

    async def _on_watch(self, frame: frames.Watch, ref: str | None) -> None:
        conversation_id = frame.conversation_id
        running = await in_unit(verbs.watch_conversation, self._who(), conversation_id)
        if conversation_id not in self._watched:

            def wake(payload: dict[str, Any]) -> None:
                # Apart: one slow reader must not hold up the bus for all.
                self._spawn(self._on_wake(conversation_id, payload))

            self._watched[conversation_id] = await BUS.get().listen(
                f"conversation:{conversation_id}", wake
            )
            # A turn that began between the look and the subscription must not be missed.
            running = await in_unit(verbs.watch_conversation, self._who(), conversation_id)
        await self._say(frames.Watching(ref, str(conversation_id), running))

    async def _on_unwatch(self, frame: frames.Unwatch, ref: str | None) -> None:
        stop = self._watched.pop(frame.conversation_id, None)
        if stop is not None:
            await stop()

    async def _on_resume(self, frame: frames.Resume, ref: str | None) -> None:
        await in_unit(store.get_turn, self._who(), frame.turn)
        running = self._followed.pop(frame.turn, None)
        if running is not None:
            running.cancel()
        self._follow(frame.turn, max(0, frame.after))

    async def _on_cancel(self, frame: frames.Cancel, ref: str | None) -> None:
        await service.cancel_turn(self._who(), frame.turn)

    async def _on_ping(self, frame: frames.Ping, ref: str | None) -> None:
        await self._say(frames.Pong())

    async def _on_wake(self, conversation_id: UUID, payload: dict[str, Any]) -> None:
        """Something happened in a watched conversation; the message itself is only a pointer."""
        try:
            # A listener that never sends a frame must lose its rights as soon as one that does.
            await self._refresh()
            if "title" in payload:
                await self._say(frames.TitleUpdate(str(conversation_id), str(payload["title"])))
            elif "turn" in payload:
                await self._join(UUID(payload["turn"]))
            elif "changed" in payload:
                await self._say(frames.ConversationChanged(str(conversation_id)))
            elif "reset" in payload:
                await self._catch_up(conversation_id)
        except Unauthenticated:
            await self.close(NOT_SIGNED_IN)
        except (SomaError, *AWAY) as exc:
            log.info("socket.wake_lost", error=type(exc).__name__)

    async def _join(self, turn_id: UUID) -> None:
        """Deliver a turn that another client started (or that was ended elsewhere)."""
        if turn_id in self._followed:
            return
        turn, key, question = await in_unit(store.load_accepted, self._who(), turn_id)
        if turn_id in self._followed:
            return
        await self._say(
            frames.Accepted(
                None, key, False, turn.id, turn.conversation_id, turn.branch_id, question,
                turn.message_id,
            )
        )  # fmt: skip
        self._follow(turn_id, 0)

    async def _catch_up(self, conversation_id: UUID) -> None:
        """Messages of the bus may have been missed: look at the state itself."""
        await self._say(frames.ConversationChanged(str(conversation_id)))
        running = await in_unit(verbs.watch_conversation, self._who(), conversation_id)
        if running is not None:
            await self._join(UUID(running.id))

    def _follow(self, turn_id: UUID, after: int) -> None:
        if turn_id not in self._followed:
            task = asyncio.get_running_loop().create_task(self._forward(turn_id, after))
            self._followed[turn_id] = task

    async def _forward(self, turn_id: UUID, after: int) -> None:
        """Send a turn's frames as they come; a reader too slow is closed, not buffered for."""
        watch = _SendWatch()
        try:
            async for seq, body, text in stream.follow(self._who().scope, turn_id, after):
                watch.begins()
                await self.send(text_data=text or frames.encode(body, f"{turn_id}:{seq}:snapshot"))
                watch.ended()
        except (Exception, asyncio.CancelledError) as exc:
            if isinstance(exc, asyncio.CancelledError) and not watch.is_over:
                raise
            # Mostly a client that is gone or too slow; it resumes when it is back.
            log.info("socket.forward_ended", turn_id=str(turn_id), error=type(exc).__name__)
            with suppress(Exception):
                await self.close(INTERNAL)
        finally:
            watch.close()
            if self._followed.get(turn_id) is asyncio.current_task():
                del self._followed[turn_id]

    async def _welcome(self, actor: Actor) -> None:
        if actor.tenant_id is None or not actor.is_ready:
            await self.close(FORBIDDEN)
            return
        try:
            require(actor, "tenant.view")
        except Forbidden:
            await self.close(FORBIDDEN)
            return
        self.actor, self._checked_at = actor, monotonic_s()
        self._stop_rights = watch_rights(self._on_rights)
        await self._say(frames.Connected(str(actor.user_id), str(actor.tenant_id), frames.PROTOCOL))
        if CONDITION.is_bound:
            self._stop_health = CONDITION.get().watch(lambda: self._spawn(self._tell_health()))
            await self._tell_health()
        self._stop_modes = watch_modes(lambda: self._spawn(self._tell_mode()))
        await self._tell_mode()

    def _on_rights(self, change: RightsChange) -> None:
        actor = self.actor
        if actor is not None and change.concerns(actor.tenant_id, actor.user_id):
            self._checked_at = float("-inf")
            self._spawn(self._look_again())

    async def _look_again(self) -> None:
        """Close if the right to be here was lost: whoever only listens loses it as well."""
        try:
            await self._refresh()
            require(self._who(), "tenant.view")
        except Unauthenticated:
            await self.close(NOT_SIGNED_IN)
        except Forbidden as exc:
            await self._fail(exc, None)
            await self.close(FORBIDDEN)
        except AWAY as exc:
            log.info("socket.rights_not_read", error=type(exc).__name__)

    async def _tell_mode(self) -> None:
        """The mode; nothing while it stays the same."""
        known = known_choice(self._who().tenant_id)
        if known is None:
            return
        told = frames.Mode(known.platform, known.effective, known.is_enterprise)
        if told == self._mode_told:
            return
        self._mode_told = told
        with suppress(Exception):
            await self._say(told)

    async def _tell_health(self) -> None:
        """What is limited, in words of this person's role; nothing while that stays the same."""
        shown = CONDITION.get().shown_to(self._who())
        told = frames.Health(
            shown.level if shown.limitations else "none",
            shown.since,
            [
                frames.Limitation(one.service, one.state, one.since, one.text, one.next, one.detail)
                for one in shown.limitations
                if one.state in {"slow", "down"}
            ],
        )
        if told.limitations == (self._health_told.limitations if self._health_told else []):
            return
        self._health_told = told
        with suppress(Exception):
            await self._say(told)

    async def _refresh(self) -> None:
        """Look at the session again, so that a lost right is lost within seconds."""
        actor = self._who()
        if monotonic_s() - self._checked_at < ACTOR_FRESH_S or actor.session_id is None:
            return
        self.actor = await in_unit(reauthenticate, actor.session_id, self._request_id)
        self._checked_at = monotonic_s()
        if self.actor.tenant_id != actor.tenant_id or not self.actor.is_ready:
            raise Unauthenticated

    def _who(self) -> Actor:
        if self.actor is None:
            raise Unauthenticated
        return self.actor

    async def _say(self, frame: Any) -> None:
        await self.send(text_data=frames.encode(frame, str(uuid7())))

    async def _fail(self, error: SomaError, ref: str | None) -> None:
        await self._say(
            frames.Failure(ref, error.data.get("turn"), error.problem(self._request_id))
        )

    async def _refuse(self, code: int) -> None:
        # Accepting first lets the browser see the code; a refused handshake shows it nothing.
        await self.accept()
        await self.close(code)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


class _SendWatch:
    """Cancels its task when one send takes longer than SEND_PATIENCE_S; `is_over` then says so.

    One timer a stream: one a frame would be set and cancelled thousands of times a second.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._since: float | None = None
        self._timer = self._loop.call_later(SEND_PATIENCE_S, self._look)
        self.is_over = False

    def begins(self) -> None:
        """A send begins."""
        self._since = self._loop.time()

    def ended(self) -> None:
        """The client's side took it."""
        self._since = None

    def close(self) -> None:
        """The stream is over."""
        self._timer.cancel()

    def _look(self) -> None:
        since = self._since
        if since is None or self._loop.time() < since + SEND_PATIENCE_S:
            due = (self._loop.time() if since is None else since) + SEND_PATIENCE_S
            self._timer = self._loop.call_at(due, self._look)
            return
        self.is_over = True
        if self._task is not None:
            self._task.cancel()


def _parse(text: str | None) -> tuple[str | None, dict[str, Any]]:
    """The client's id of a frame, and its envelope. Raises: UnknownFrame."""
    if text is None:
        raise UnknownFrame("Send text frames with JSON.")
    if len(text) > FRAME_MAX_CHARS:
        raise UnknownFrame("This frame is too large. Nothing was kept.")
    try:
        envelope = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as exc:
        raise UnknownFrame("This is not JSON. Nothing was kept.") from exc
    if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
        raise UnknownFrame("An envelope has type, id, timestamp and payload.")
    ref = envelope.get("id")
    return ref[:ID_MAX_CHARS] if isinstance(ref, str) else None, envelope


def _frame_of(envelope: dict[str, Any]) -> Any:
    """The frame in an envelope. Raises: UnknownFrame, Unprocessable."""
    try:
        frame = frames.parse(envelope["type"], envelope.get("payload") or {})
    except KeyError as exc:
        raise UnknownFrame("There is no such frame type.") from exc
    except ValidationError as exc:
        errors = [
            {"pointer": "/" + "/".join(map(str, item["loc"])), "detail": item["msg"]}
            for item in exc.errors(include_url=False, include_input=False)
        ]
        raise Unprocessable(errors=errors) from exc
    if isinstance(frame, frames.SendMessage) and not CLIENT_KEY.fullmatch(frame.client_key):
        detail = "1 to 100 visible ASCII characters"
        raise Unprocessable(errors=[{"pointer": "/client_key", "detail": detail}])
    return frame


def _same_origin(headers: dict[bytes, bytes]) -> bool:
    """A browser always sends Origin; clients without one have no ambient cookie to abuse."""
    origin = headers.get(b"origin")
    if origin is None:
        return True
    host = headers.get(b"host", b"").decode("latin-1")
    try:
        parts = urlsplit(origin.decode("latin-1"))
    except ValueError:
        return False
    return parts.netloc == host and validate_host(parts.hostname or "", settings.ALLOWED_HOSTS)
