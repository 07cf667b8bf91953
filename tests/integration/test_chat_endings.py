"""The last frame of an answer arrives, whatever happens while the answer is being stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from somaagent.config import Config
from tests.support.services import config_of
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually


@contextmanager
def _locked(config: Config, tenant_id: str, turn_id: str) -> Iterator[None]:
    """Hold the turn's row until two statements wait for it: its closing, then a heartbeat."""
    with psycopg.connect(config.effective_db_dsn("owner")) as holder:
        holder.execute("select set_config('soma.tenant_id', %s, true)", [tenant_id])
        held = holder.execute("select id from chat_turn where id = %s for update", [turn_id])
        assert held.fetchone() is not None
        with psycopg.connect(config.effective_db_dsn("owner"), autocommit=True) as watcher:

            def two_wait() -> bool:
                row = watcher.execute(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                ).fetchone()
                return row is not None and row[0] >= 2

            eventually(two_wait, "closing and heartbeat did not both wait")
        yield


def test_a_heartbeat_that_comes_while_the_answer_is_stored_does_not_swallow_its_end(
    web: Web, model: SimulatedProvider, var_dir: Path
) -> None:
    model.script({"when": ".", "reply": "Paris.", "ttft_ms": 300})
    ann = Client(web, "ann")
    conversation = ann.conversation()
    with ann.socket() as socket:
        socket.send("chat.message", conversation_id=conversation, content="hi", client_key="k")
        accepted = socket.until("chat.accepted")[-1]["payload"]
        tenant_id = ann.me["tenant"]["id"]
        with _locked(config_of(var_dir), tenant_id, accepted["turn"]):
            pass
        done = socket.until("chat.done", timeout=10)[-1]["payload"]
    assert (done["state"], done["content"]) == ("done", "Paris.")
