"""Keys, usage and budgets, as members and admins of an organisation use them."""

import re

from playwright.sync_api import expect

from tests.support.browser import NARROW, Visit
from tests.support.simulator import SimulatedProvider
from tests.support.v1 import calls, openai_client
from tests.support.web import Client, Web, eventually

HELLO = [{"role": "user", "content": "Hello"}]


def test_somebody_makes_a_key_uses_it_and_revokes_it(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    tab = visit.by("ann").go("/keys")
    page = tab.page
    expect(page.get_by_text("No key yet")).to_be_visible()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name").fill("My script")
    page.get_by_label("Budget a month, in dollars").fill("5")
    assert tab.violations() == []
    page.get_by_role("button", name="Make it").click()
    secret = page.get_by_test_id("secret").inner_text()
    expect(page.locator("#made")).to_be_focused()
    expect(page.get_by_test_id("snippet")).to_contain_text(secret)
    page.get_by_role("button", name="Python").click()
    expect(page.get_by_test_id("snippet")).to_contain_text("from openai import OpenAI")
    tab.shoot("keys")
    assert tab.violations() == []
    told = openai_client(web, secret).chat.completions.create(model="default", messages=HELLO)  # type: ignore[arg-type]
    assert told.choices[0].message.content
    page.get_by_role("button", name="Rotate My script").click()
    expect(page.get_by_test_id("secret")).not_to_have_text(secret)
    page.get_by_role("button", name="Revoke My script").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("No key yet")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No key yet")).to_be_visible()
    # The secret was shown once.
    expect(page.get_by_test_id("secret")).to_have_count(0)


def test_an_admin_sees_what_was_used_and_sets_a_budget(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    platform = Client(web, "platform")
    model_id = platform.get("/gateway/models").json()["items"][0]["id"]
    price = {"input_micros": 3_000_000, "output_micros": 15_000_000}
    platform.put(f"/gateway/models/{model_id}/price", price)
    ann = Client(web, "ann")
    conversation = ann.conversation()
    for number in range(3):
        ann.say(conversation, f"Question {number}")
    recorded = calls(web, expected=3)
    cost = sum(call["cost_micros"] for call in recorded)
    tab = visit.by("admin").go("/usage")
    page = tab.page
    expect(page.get_by_test_id("totals")).to_contain_text(f"${cost / 1e6:.6f}".rstrip("0"))
    expect(page.get_by_test_id("usage")).to_contain_text("scripted")
    expect(page.get_by_test_id("calls").locator("tbody tr")).to_have_count(3)
    page.locator("select[name=by]").select_option("agent")
    expect(page.get_by_test_id("usage")).to_contain_text("Soma")
    page.get_by_role("button", name="Set a budget").click()
    page.get_by_label("Limit").fill("20")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_test_id("budgets")).to_contain_text("The organisation: $20.00 a month")
    ann.say(conversation, "One more")
    calls(web, expected=4)
    page.reload()
    expect(page.get_by_test_id("budgets").locator("meter")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert re.fullmatch(r"usage-.*\.csv", download.value.suggested_filename)
    page.locator("select[name=cache]").select_option("3600")
    expect(page.get_by_text("Saved. It holds from the next call on.")).to_be_visible()
    page.reload()
    expect(page.locator("select[name=cache]")).to_have_value("3600")
    tab.shoot("usage")
    assert tab.violations() == []
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    tab.shoot("usage-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    page.get_by_role("button", name=re.compile("^Remove: The organisation")).click()
    expect(page.get_by_text("everything is recorded, nothing is limited")).to_be_visible()


def test_a_member_sees_only_what_is_theirs(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    ann = Client(web, "ann")
    ann.say(ann.conversation(), "Hello")
    calls(web)
    tab = visit.by("bob").go("/usage")
    expect(tab.page.get_by_text("Nothing was used in these days")).to_be_visible()
    expect(tab.page.get_by_role("heading", name="Budgets")).to_have_count(0)
    assert tab.violations() == []


def test_a_platform_admin_sets_prices(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    tab = visit.by("platform").go("/platform/prices")
    page = tab.page
    table = page.get_by_test_id("prices")
    expect(table).to_contain_text("no price: calls cost nothing")
    page.get_by_role("button", name="Set the price of scripted").click()
    page.get_by_label("Dollars for a million tokens in").fill("0.15")
    page.get_by_label("Dollars for a million tokens out").fill("0.6")
    assert tab.violations() == []
    page.get_by_role("button", name="Set it").click()
    expect(table).to_contain_text("$0.15")
    expect(table).to_contain_text("$0.60")
    page.get_by_role("button", name="Fill in from the public table").click()
    expect(page.get_by_text("0 models got a price")).to_be_visible()
    tab.shoot("prices")
    assert tab.violations() == []
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_somebody_tries_a_model_and_sees_what_it_costs_and_how_it_is_called(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    platform = Client(web, "platform")
    model_id = platform.get("/gateway/models").json()["items"][0]["id"]
    price = {"input_micros": 3_000_000, "output_micros": 15_000_000}
    platform.put(f"/gateway/models/{model_id}/price", price)
    model.script(
        {"when": "long", "gap_ms": 50, "tokens": 1_000}, {"reply": "Quite warm.", "gap_ms": 20}
    )
    tab = visit.by("ann").go("/playground")
    page = tab.page
    page.get_by_label("Model or agent").select_option("scripted")
    page.get_by_label("Message 1", exact=True).fill("How warm is it?")
    page.get_by_label("Temperature").fill("0.5")
    expect(page.get_by_test_id("snippet")).to_contain_text('"temperature": 0.5')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_test_id("answer")).to_have_text("Quite warm.")
    expect(page.get_by_test_id("facts")).to_contain_text("$0.000")
    expect(page.get_by_test_id("facts")).to_contain_text("Tokens out")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    (call,) = calls(web)
    assert model.captured(1)[0]["body"]["temperature"] == 0.5
    (key,) = Client(web, "ann").get("/gateway/keys").json()["items"]
    assert call["key_id"] == key["id"]
    # The key is not on the page, and the code names a placeholder.
    assert "soma_sk_…" in page.get_by_test_id("snippet").inner_text()
    assert re.search(r"soma_sk_\w", page.content()) is None
    for language in ("Python", "JavaScript"):
        page.get_by_role("button", name=language).click()
        expect(page.get_by_test_id("snippet")).to_contain_text("How warm is it?")
    tab.shoot("playground")
    assert tab.violations() == []
    page.get_by_role("button", name="Add a message").click()
    page.get_by_label("Message 2", exact=True).fill("Warm.")
    page.get_by_role("button", name="Remove message 2").click()
    page.get_by_label("Message 1", exact=True).fill("A long one")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_test_id("answer")).to_contain_text("word2")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_test_id("refusal")).to_contain_text("Stopped")
    model.wait_until(lambda one: one.stats()["open_streams"] == 0)
    page.get_by_label("Model or agent").select_option("agent/soma")
    page.get_by_label("Message 1", exact=True).fill("Who are you?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_test_id("answer")).to_have_text("Quite warm.")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    tab.shoot("playground-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    # Whoever leaves takes the key with them.
    tab.go("/usage")
    listed = Client(web, "ann")

    def is_revoked() -> bool:
        return all(one["revoked_at"] for one in listed.get("/gateway/keys").json()["items"])

    eventually(is_revoked, "the key outlived the page", deadline_s=10)
