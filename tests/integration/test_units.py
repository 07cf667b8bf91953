"""Units of work: durable, not nested, carried into threads; idempotent operations."""

import asyncio

import pytest
from django.conf import settings
from django.db import connection, connections

from chat.models import Agent
from kernel.db import in_unit, platform_unit, shut_down_pool, unit_of_work
from kernel.idempotency import IdempotencyMismatch, once
from kernel.scope import ScopeMissing, current_scope
from tests.support.cast import Cast


def test_units_do_not_nest_because_a_unit_is_what_is_durable(cast: Cast) -> None:
    with unit_of_work(cast.acme), pytest.raises(RuntimeError), unit_of_work(cast.acme):
        pass


def test_an_exception_undoes_the_whole_unit(cast: Cast) -> None:
    with pytest.raises(KeyError), unit_of_work(cast.acme):
        Agent.objects.create(name="gone", slug="gone")
        raise KeyError
    with unit_of_work(cast.acme):
        assert not Agent.objects.filter(slug="gone").exists()


def test_no_scope_stays_open_after_a_unit(cast: Cast) -> None:
    with unit_of_work(cast.acme):
        assert current_scope() == cast.acme
    assert current_scope() is None
    with pytest.raises(ScopeMissing):
        Agent.objects.create(name="x", slug="x")


async def test_many_units_run_side_by_side_each_in_its_own_tenant(cast: Cast) -> None:
    def names(scope: object) -> set[object]:
        with unit_of_work(scope):  # type: ignore[arg-type]
            return set(Agent.objects.values_list("tenant_id", flat=True))

    scopes = [cast.acme, cast.globex] * 20
    found = await asyncio.gather(*(in_unit(names, scope) for scope in scopes))
    assert found == [{scope.tenant_id} for scope in scopes]


async def test_a_connection_that_the_server_ended_is_replaced_before_the_next_unit(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend() -> int:
        with unit_of_work(cast.ann.scope), connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            return int(cursor.fetchone()[0])

    def end(pid: int) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("select pg_terminate_backend(%s, 5000)", [pid])
        connections["owner"].close()

    shut_down_pool()
    one_thread = settings.SOMA.model_copy(update={"unit_threads": 1})
    monkeypatch.setattr(settings, "SOMA", one_thread)
    try:
        first = await in_unit(backend)
        assert await in_unit(backend) == first
        await asyncio.to_thread(end, first)
        assert await in_unit(backend) != first
    finally:
        shut_down_pool()


def test_a_platform_unit_sees_every_tenant_and_says_why(cast: Cast) -> None:
    with platform_unit("a test") as alias:
        assert set(Agent.objects.values_list("tenant_id", flat=True)) == {
            cast.acme_id,
            cast.globex_id,
        }
        with connections[alias].cursor() as cursor:
            cursor.execute("select current_setting('application_name')")
            assert cursor.fetchone() == ("soma: a test",)


def test_an_operation_runs_once_per_key_and_refuses_another_request(cast: Cast) -> None:
    calls = []

    def work() -> dict[str, object]:
        calls.append(1)
        return {"n": len(calls)}

    for _ in range(3):
        with unit_of_work(cast.acme):
            assert once(cast.ann, "op", "key", {"a": 1}, work) == {"n": 1}
    with unit_of_work(cast.acme), pytest.raises(IdempotencyMismatch):
        once(cast.ann, "op", "key", {"a": 2}, work)
    with unit_of_work(cast.acme):
        assert once(cast.bob, "op", "key", {"a": 1}, work) == {"n": 2}


def test_rotating_the_key_ring_keeps_stored_secrets_readable(cast: Cast) -> None:
    import os
    from io import StringIO

    from django.core.management import call_command

    from gateway.keys import key_of, seal_key
    from gateway.models import Provider
    from kernel.crypto import key_id_of
    from kernel.ids import uuid7

    key = uuid7()
    with platform_unit("test"):
        Provider.objects.using("platform").create(
            id=key, name="P", kind="openai-compatible", sealed_key=seal_key(key, "sk-1234")
        )
    before = settings.SOMA_ENCRYPTION_KEYS
    settings.SOMA_ENCRYPTION_KEYS = {"new": os.urandom(32), **before}
    try:
        said = StringIO()
        call_command("rotate_keys", stdout=said)
        assert "'new': 1" in said.getvalue()
        settings.SOMA_ENCRYPTION_KEYS = {"new": settings.SOMA_ENCRYPTION_KEYS["new"]}
        row = Provider.objects.get(id=key)
        assert key_id_of(row.sealed_key) == "new"
        assert key_of(row).reveal() == "sk-1234"
    finally:
        settings.SOMA_ENCRYPTION_KEYS = before
