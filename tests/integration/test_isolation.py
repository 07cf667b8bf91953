"""Tenant isolation below the code: the database refuses what a verb might forget."""

import pytest
from django.db import Error, connection, transaction

from chat.models import Agent, Conversation
from kernel.db import unit_of_work
from kernel.scope import ScopeMissing
from tests.support.cast import Cast


def test_a_query_without_a_scope_is_an_error_not_an_empty_page(cast: Cast) -> None:
    with pytest.raises(ScopeMissing):
        Agent.objects.count()


def test_raw_sql_without_a_scope_sees_no_rows(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from chat_agent")
        assert cursor.fetchone() == (0,)


def test_raw_sql_in_one_tenant_sees_only_that_tenant(cast: Cast) -> None:
    with unit_of_work(cast.acme), connection.cursor() as cursor:
        cursor.execute("select distinct tenant_id from chat_agent")
        assert cursor.fetchall() == [(cast.acme_id,)]


@pytest.mark.asvs("8.4.1")
def test_a_row_for_another_tenant_is_refused_by_the_database(cast: Cast) -> None:
    with pytest.raises(Error, match="row-level security"), unit_of_work(cast.acme):
        Agent(tenant_id=cast.globex_id, name="x", slug="x").save(force_insert=True)


def test_a_reference_to_another_tenants_row_is_refused(cast: Cast) -> None:
    with unit_of_work(cast.globex):
        foreign = Agent.objects.get()
    with pytest.raises(Error, match="foreign key"), unit_of_work(cast.acme):
        Conversation.objects.create(user_id=cast.ann.user_id, agent_id=foreign.id)


def test_the_scope_ends_with_its_transaction(cast: Cast) -> None:
    with unit_of_work(cast.acme):
        assert Agent.objects.count() == 1
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select count(*) from chat_agent")
        assert cursor.fetchone() == (0,)


def test_the_audit_log_cannot_be_changed_even_in_its_own_tenant(cast: Cast) -> None:
    from saas.facade import audit

    with unit_of_work(cast.acme):
        audit(cast.ann, "test.done", "test", "1")
    for statement in ("update saas_auditentry set action = 'x'", "delete from saas_auditentry"):
        with pytest.raises(Error), unit_of_work(cast.acme), connection.cursor() as cursor:
            cursor.execute(statement)
