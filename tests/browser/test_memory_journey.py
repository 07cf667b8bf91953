"""Five facts, a day later, other words: what an agent remembers, and what a person can do about it.

No language model is set up, so every answer quotes memory and nothing else could have made it up.
The pictures under test-report/screenshots show each step.
"""

import re
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Locator, expect

from tests.support.browser import Tab, Visit
from tests.support.cast import Cast
from tests.support.web import Client, Web, eventually

ALLERGY = "My daughter Mia is seven and allergic to peanuts."
FRIEND = "Mia's best friend is Tomas Ferreira."
BAKERY = "Tomas Ferreira's mother runs the bakery Estrela in Belem."
HOTEL = "We sleep at the hotel Aurora, room 214."
FLIGHT = "My brother Paul lands on Thursday with flight TP937."
NEW_HOTEL = "We sleep at the hotel Miramar, room 305."


def test_told_recalled_corrected_and_forgotten(
    visit: Visit, web: Web, cast: Cast, no_model: None
) -> None:
    client = Client(web, "ann")
    ann = visit.by("ann").go()
    told_in = tell_five_facts(ann, client)
    a_day_passes(cast)
    ask_in_other_words_and_over_two_hops(ann, told_in)
    correct_one(ann, client)
    forget_one_and_look_for_it(ann, client, cast)


def tell_five_facts(ann: Tab, client: Client) -> str:
    """Say five things in one conversation and wait until each is learned."""
    for fact in (ALLERGY, FRIEND, BAKERY, HOTEL, FLIGHT):
        ann.ask(fact)
    ann.shoot("journey-1-told")
    eventually(lambda: len(learned(client)) >= 5, "the five facts were not learned")
    return ann.conversation_id()


def learned(client: Client) -> list[str]:
    """What is found by its meaning."""
    items = client.get("/memory/recent").json()["items"]
    return [one["text"] for one in items if one["state"] != "stored"]


def a_day_passes(cast: Cast) -> None:
    """Everything that was said so far was said yesterday."""
    with connections["platform"].cursor() as cursor:
        for statement in (
            "UPDATE memory_memory SET said_at = said_at - interval '1 day' WHERE tenant_id = %s",
            "UPDATE chat_message SET created_at = created_at - interval '1 day'"
            " WHERE tenant_id = %s",
        ):
            cursor.execute(statement, [cast.acme_id])
            assert cursor.rowcount >= 5
    connections["platform"].close()


def ask_in_other_words_and_over_two_hops(ann: Tab, told_in: str) -> None:
    ann.page.get_by_role("link", name="New conversation", exact=True).click()
    ann.ask("Which nuts must I keep away from my little girl?")
    assert ann.conversation_id() != told_in
    expect(ann.words).to_contain_text("allergic to peanuts")
    ann.ask("Which bakery does the mother of my daughter's best friend run?")
    expect(ann.words).to_contain_text("the bakery Estrela in Belem")
    sources = opened_sources(ann)
    expect(sources).to_contain_text(BAKERY)
    # The way there: from the daughter to her friend to the friend's mother.
    expect(sources).to_contain_text(FRIEND)
    expect(sources.get_by_text("Recalled because:").first).to_be_visible()
    ann.shoot("journey-2-two-hops")
    ann.ask("When does my brother arrive?")
    expect(ann.words).to_contain_text("flight TP937")
    sources = opened_sources(ann)
    expect(sources).to_contain_text("TP937")
    sources.get_by_role("link", name="Open that conversation").first.click()
    assert ann.conversation_id() == told_in
    expect(ann.questions.first).to_contain_text(ALLERGY)


def opened_sources(tab: Tab) -> Locator:
    """What the newest answer rests on, opened."""
    sources = tab.answer.get_by_test_id("recalled")
    sources.get_by_text("Remembered from yesterday").click()
    return sources


def correct_one(ann: Tab, client: Client) -> None:
    page = ann.go("/memory").page
    page.get_by_role("searchbox", name="Search memories").fill("where do we sleep")
    memories = page.get_by_test_id("memory")
    expect(memories.first).to_contain_text("Aurora")
    memories.first.get_by_role("button", name=re.compile("^Acts for")).click()
    page.get_by_role("menuitem", name="Correct").click()
    page.get_by_role("textbox", name="What is right").fill(NEW_HOTEL)
    page.get_by_role("button", name="Save correction").click()
    newer = memories.filter(has_text="Miramar")
    older = memories.filter(has_text="Aurora")
    expect(newer).to_be_visible()
    expect(older).to_contain_text("Replaced by a newer one")
    ann.shoot("journey-3-corrected")
    eventually(lambda: NEW_HOTEL in learned(client), "the correction was not learned")
    page.get_by_role("link", name="New conversation", exact=True).click()
    ann.ask("In which hotel do we sleep?")
    expect(ann.words).to_contain_text("Miramar, room 305")
    said = ann.words.inner_text()
    if "Aurora" in said:
        assert said.index("Miramar") < said.index("Aurora"), "what is current comes first"
    ann.shoot("journey-4-asked-again")


def forget_one_and_look_for_it(ann: Tab, client: Client, cast: Cast) -> None:
    [flight_id] = [
        one["memory_id"]
        for one in client.get("/memory/recent").json()["items"]
        if one["text"] == FLIGHT
    ]
    page = ann.go("/memory").page
    item = page.get_by_test_id("memory").filter(has_text="TP937")
    item.get_by_role("checkbox").check()
    page.get_by_role("button", name="Forget…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Forget for good").click()
    proof = dialog.get_by_test_id("proof")
    expect(proof).to_contain_text("Gone for good: 1 memory")
    expect(proof.get_by_role("row", name=re.compile("^Embeddings"))).to_contain_text("1")
    expect(proof.get_by_role("row", name=re.compile("^Quotes under earlier"))).not_to_contain_text(
        re.compile("0$")
    )
    expect(proof.get_by_role("row", name=re.compile("^Still found"))).to_contain_text("0")
    ann.shoot("journey-5-proof")
    proof.get_by_role("button", name="Done").click()
    expect(item).to_have_count(0)

    assert client.get(f"/memory/{flight_id}").status_code == 404
    assert "TP937" not in client.get("/memory/export").text
    assert "TP937" not in client.get("/memory/search", q="flight TP937").text
    assert "TP937" not in client.get("/memory/graph").text
    assert tables_with(cast, "TP937") == []
    ann.go("/memory/" + flight_id)
    expect(page.get_by_text("This memory does not exist")).to_be_visible()
    page.get_by_role("link", name="New conversation", exact=True).click()
    ann.ask("Which flight does my brother Paul take?")
    expect(ann.words).not_to_contain_text("TP937")
    ann.shoot("journey-6-forgotten")


def tables_with(cast: Cast, word: str) -> list[str]:
    """Tables of memory that still hold the word anywhere in a row of the tenant."""
    found = []
    with connections["platform"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'tenant_id' AND table_name LIKE 'memory%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS one'
                " WHERE one.tenant_id = %s AND one::text ILIKE %s",
                [cast.acme_id, f"%{word}%"],
            )
            rows: Any = cursor.fetchone()
            if rows[0]:
                found.append(table)
    connections["platform"].close()
    return found


@pytest.fixture(autouse=True)
def _sign_of_life(worker_process: object) -> None:
    """Remembering is the worker's."""
