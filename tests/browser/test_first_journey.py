"""The first half hour with the product, as the README promises it, on a fresh `./soma up`.

The pictures under test-report/screenshots show each step.
"""

import re
from typing import Any

from playwright.sync_api import expect

from tests.support.browser import Tab, Visit
from tests.support.simulator import SimulatedProvider
from tests.support.up import Up
from tests.support.web import eventually

PASSWORD = "five days along the river"
FACT = (
    "I am planning five days in Lisbon in May with my daughter Mia. "
    "She is seven and allergic to peanuts. What should we see?"
)
PLAN = """\
Lisbon suits a seven-year-old well: most days can be half sights, half play.

| Day | Morning | Afternoon |
|:----|:--------|:----------|
| 1 | Tram 28 to the castle | Kites on the riverside lawn |
| 2 | **Oceanário**, before the crowds | Cable car along the Tagus |
| 3 | Train to Sintra | The tunnels of Quinta da Regaleira |
| 4 | Belém tower and a warm *pastel de nata* | Electricity museum |
| 5 | Flea market at Feira da Ladra | Ferry to Cacilhas for the view |

A few things make it easier:

1. Buy a **Navegante** card each; children up to twelve ride free with one.
2. Book Sintra for a weekday and take the train before nine.
3. Say *“alergia a amendoim”* in restaurants: staff know the word and will check.

Shall I turn this into a packing list next?"""
QUESTION = "What can I pack for Mia’s lunch on a day trip?"
LUNCH = """\
Since Mia is **allergic to peanuts**, pack things whose ingredients you know:

- rolls with cheese and cucumber, and a pear
- rice crackers without nut oils
- yoghurt in a small jar, kept cool with a frozen bottle of water

Leave out granola bars from the kiosk: in Portugal many are made where peanuts are used."""
# The longest that a person may wait until something just said can be remembered elsewhere.
REMEMBERED_WITHIN_S = 30.0


def test_from_a_fresh_start_to_a_streamed_and_remembered_answer(
    first_visit: Visit, fresh_up: Up, simulator: SimulatedProvider
) -> None:
    simulator.reset()
    simulator.script(
        {"when": "Give this conversation a title.*lunch", "reply": "Lunch for a day trip"},
        {"when": "Give this conversation a title", "reply": "Five days in Lisbon with Mia"},
        {"when": "lunch", "reply": LUNCH, "gap_ms": 20},
        {"when": "Lisbon", "reply": PLAN, "ttft_ms": 150, "gap_ms": 45},
    )
    tab = first_visit.stranger()
    sign_in_and_choose_a_password(tab, fresh_up)
    set_up_a_model(tab, simulator)
    conversation = see_an_answer_stream_through_a_reload(first_visit, tab)
    wait_until_remembered(tab)
    see_it_remembered_in_a_new_conversation(tab, simulator, conversation)
    sign_out(tab)
    assert fresh_up.stop() == 0


def sign_in_and_choose_a_password(tab: Tab, run: Up) -> None:
    (one_time,) = run.passwords()
    page = tab.go("/").page
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.get_by_label("E-mail").fill("admin@localhost")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is not right.")
    tab.shoot("01-sign-in-refused")
    page.get_by_label("Password").fill(one_time)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    tab.shoot("02-choose-a-password")
    # There is no way around it: every address leads back here.
    tab.go("/chat")
    expect(page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    page.get_by_label("Current password").fill(one_time)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()


def set_up_a_model(tab: Tab, simulator: SimulatedProvider) -> None:
    page = tab.page
    expect(page.get_by_role("heading", name="Models and providers")).to_be_visible()
    expect(page.get_by_text("Welcome. Give your agents a language model")).to_be_visible()
    tab.shoot("03-no-model-yet")
    page.get_by_label("Kind").select_option("openai-compatible")
    page.get_by_label("Name", exact=True).fill("Simulator")
    page.get_by_label("Address").fill(simulator.base_url)
    page.get_by_label("API key").fill("sk-test-0123456789")
    page.get_by_label("Model name").fill("scripted")
    tab.shoot("04-a-provider")
    page.get_by_role("button", name="Save").click()
    card = page.get_by_role("region", name="Simulator")
    expect(card).to_contain_text("scripted")
    expect(card).to_contain_text("default")
    expect(page.locator("body")).not_to_contain_text("sk-test-0123456789")
    card.get_by_role("button", name="Test").click()
    expect(card).to_contain_text(re.compile(r"first token after \d+ ms, done after \d+ ms"))
    tab.shoot("05-the-model-answers")
    page.get_by_role("link", name="Start chatting").click()


def see_an_answer_stream_through_a_reload(visit: Visit, tab: Tab) -> str:
    expect(tab.page.get_by_text("What can I do for you")).to_be_visible()
    tab.shoot("06-new-conversation")
    tab.say(FACT)
    expect(tab.words).to_contain_text("Oceanário")
    before = tab.words.inner_text()
    tab.shoot("07-streaming")
    tab.page.reload()
    expect(tab.words).to_contain_text("Oceanário")
    expect(tab.answer).to_have_attribute("data-turn-state", "open")
    assert "packing list" not in before, "the answer was over before the reload"
    tab.shoot("08-reloaded-while-streaming")

    second = visit.second_tab(tab).go(f"/chat/{tab.conversation_id()}")
    expect(second.words).to_contain_text("Sintra")
    expect(second.answer).to_have_attribute("data-turn-state", "open")
    second.shoot("09-second-tab")

    tab.ended()
    second.ended()
    for each in (tab, second):
        expect(each.words).to_contain_text(PLAN.rsplit(maxsplit=1)[-1])
    shown = tab.words.inner_text()
    assert second.words.inner_text() == shown
    assert shown.startswith(before[: before.index("Oceanário")])
    stored = ask_server(tab, f"/chat/messages/{tab.conversation_id()}")["items"][-1]
    assert stored["text"] == PLAN
    expect(tab.item("Five days in Lisbon with Mia")).to_be_visible()
    expect(second.item("Five days in Lisbon with Mia")).to_be_visible()
    second.page.close()
    tab.page.reload()
    expect(tab.words.get_by_role("table")).to_be_visible()
    assert tab.words.inner_text() == shown
    tab.shoot("10-answered")
    return tab.conversation_id()


def wait_until_remembered(tab: Tab) -> None:
    def is_there() -> bool:
        return "peanuts" in str(ask_server(tab, "/memory/recent"))

    eventually(is_there, "the fact did not reach memory", REMEMBERED_WITHIN_S)


def see_it_remembered_in_a_new_conversation(
    tab: Tab, simulator: SimulatedProvider, told_in: str
) -> None:
    tab.page.get_by_role("link", name="New conversation", exact=True).click()
    tab.ask(QUESTION)
    assert tab.conversation_id() != told_in
    expect(tab.words).to_contain_text("Since Mia is allergic to peanuts")
    expect(tab.item("Lunch for a day trip")).to_be_visible()
    remembered = tab.answer.get_by_test_id("recalled")
    expect(remembered).to_contain_text("Remembered from today")
    remembered.get_by_text("Remembered from today").click()
    expect(remembered).to_contain_text("She is seven and allergic to peanuts.")
    # The agent's own earlier words are quoted without their marks.
    expect(remembered).to_contain_text("Buy a Navegante card each")
    tab.shoot("11-remembered")

    asked = [one["body"]["messages"] for one in simulator.captured()]
    prompt = next(lines for lines in asked if lines[-1]["content"] == QUESTION)
    assert "allergic to peanuts" in prompt[0]["content"]
    assert all(FACT not in line["content"] for line in prompt[1:])

    remembered.get_by_role("link", name="Open that conversation").first.click()
    expect(tab.questions.first).to_contain_text("five days in Lisbon")
    assert tab.conversation_id() == told_in


def sign_out(tab: Tab) -> None:
    tab.field.fill("something half written")
    tab.account("Sign out")
    page = tab.page
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Lisbon")
    tab.shoot("12-signed-out")
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    kept = page.evaluate("() => JSON.stringify(localStorage)")
    assert "half written" not in kept
    assert page.request.get(f"{tab.base}/api/v2/auth/me").status == 401


def ask_server(tab: Tab, path: str) -> dict[str, Any]:
    """What the server says to this person, past the interface."""
    answer = tab.page.request.get(f"{tab.base}/api/v2{path}")
    assert answer.ok, answer.text()
    return dict(answer.json())
