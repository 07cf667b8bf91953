"""What a person does with answers: stop, again, edit, go on, rate; and how failures are told."""

import re

from playwright.sync_api import APIResponse, Locator, Route, expect

from tests.support.browser import Visit
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

TITLE = {"when": "Give this conversation a title", "reply": "A short talk"}
WORDS = " ".join(f"word{number}" for number in range(400))


def test_the_first_message_may_be_sent_before_the_agents_are_loaded(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script(TITLE, {"when": ".", "reply": "Paris."})
    ann = visit.by("ann")
    ann.go()
    ann.ask("What is the capital of France?")
    expect(ann.words).to_have_text("Paris.")
    # The title comes after the answer and finds its place in the list and above the messages.
    expect(ann.item("A short talk")).to_be_visible()
    expect(ann.page.get_by_role("heading", name="A short talk")).to_be_visible()


def test_a_title_that_overtakes_the_page_is_not_lost(
    visit: Visit, model: SimulatedProvider
) -> None:
    # Late enough for the page to be read before it, on a busy machine too.
    model.script({**TITLE, "ttft_ms": 2_000}, {"when": ".", "reply": "Paris."})
    ann = visit.by("ann")
    late: list[tuple[Route, APIResponse]] = []

    def answer_late(route: Route) -> None:
        late.append((route, route.fetch()))

    ann.page.route(re.compile(r"/api/v2/chat/conversations/[0-9a-f-]+$"), answer_late, times=1)
    ann.go().say("What is the capital of France?")
    expect(ann.item("A short talk")).to_be_visible()
    ((route, older),) = late
    assert older.json()["title"] is None
    route.fulfill(response=older)
    expect(ann.words).to_have_text("Paris.")
    expect(ann.page.get_by_role("heading", name="A short talk")).to_be_visible()


def test_a_stopped_answer_keeps_its_text_and_can_go_on(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script(
        TITLE,
        {"when": "cut off", "reply": "and this is the rest."},
        {"when": "Count", "reply": WORDS, "gap_ms": 30},
    )
    ann = visit.by("ann").go().say("Count for me")
    expect(ann.words).to_contain_text("word5")
    expect(ann.page.get_by_text("Escape stops the answer.")).to_be_visible()
    ann.page.get_by_test_id("stop").click()
    answer = ann.ended("cancelled")
    expect(answer).to_contain_text("You stopped this answer.")
    kept = ann.words.inner_text()
    assert WORDS.startswith(kept.strip())
    assert "word399" not in kept
    ann.page.reload()
    expect(ann.words).to_have_text(kept)
    ann.answer.get_by_role("button", name="Continue").click()
    expect(ann.words).to_have_text("and this is the rest.")
    # The stopped part stays readable above its continuation.
    expect(ann.page.get_by_role("main")).to_contain_text("word5")


def test_escape_stops_an_answer(visit: Visit, model: SimulatedProvider) -> None:
    model.script({"when": ".", "reply": WORDS, "gap_ms": 30})
    ann = visit.by("ann").go().say("Count for me")
    expect(ann.words).to_contain_text("word2")
    ann.page.keyboard.press("Escape")
    ann.ended("cancelled")
    expect(ann.field).to_be_focused()


def test_answering_again_keeps_both_answers_behind_a_switcher(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script(
        TITLE,
        {"when": "joke", "reply": "The first joke.", "times": 1},
        {"when": "joke", "reply": "A better joke."},
    )
    ann = visit.by("ann").go()
    ann.ask("Tell me a joke")
    ann.answer.get_by_role("button", name="Answer again").click()
    expect(ann.words).to_have_text("A better joke.")
    ann.ended()
    switcher = ann.answer.get_by_test_id("branch-switcher")
    expect(switcher).to_contain_text("2 / 2")
    switcher.get_by_role("button", name="Previous version").click()
    expect(ann.words).to_have_text("The first joke.")
    expect(switcher).to_contain_text("1 / 2")
    expect(ann.answers).to_have_count(1)
    ann.page.reload()
    expect(ann.words).to_have_text("The first joke.")


def test_two_tabs_agree_on_what_is_done_in_one(visit: Visit, model: SimulatedProvider) -> None:
    model.script(
        TITLE,
        {"when": "joke", "reply": "The first joke.", "times": 1},
        {"when": "joke", "reply": "A better joke."},
        {"when": "Count", "reply": WORDS, "gap_ms": 30},
    )
    one = visit.by("ann").go()
    one.ask("Tell me a joke")
    two = visit.second_tab(one).open_conversation(one.conversation_id()).is_live()
    expect(two.words).to_have_text("The first joke.")
    two.answer.get_by_role("button", name="Answer again").click()
    expect(one.words).to_have_text("A better joke.")
    switcher = one.answer.get_by_test_id("branch-switcher")
    expect(switcher).to_contain_text("2 / 2")
    one.page.bring_to_front()
    switcher.get_by_role("button", name="Previous version").click()
    expect(two.words).to_have_text("The first joke.")
    two.page.bring_to_front()
    two.say("Count for me")
    expect(one.questions).to_have_count(2)
    expect(one.words).to_contain_text("word3")
    one.page.bring_to_front()
    one.page.get_by_test_id("stop").click()
    one.ended("cancelled")
    two.ended("cancelled")
    assert one.words.inner_text() == two.words.inner_text()


def test_earlier_messages_come_while_one_scrolls_up_and_nothing_jumps(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "reply": "Yes.\n\nIndeed.\n\nIt is so."})
    client = Client(web, "ann")
    conversation = client.conversation("A long talk")
    for number in range(35):
        client.say(conversation, f"Question {number:02}")
    ann = visit.by("ann").open_conversation(conversation)

    def question(number: int) -> Locator:
        return ann.questions.filter(has_text=f"Question {number:02}")

    expect(question(34)).to_be_in_viewport()
    expect(ann.messages).to_have_count(50)
    question(10).scroll_into_view_if_needed()
    expect(ann.messages).to_have_count(70)
    expect(question(10)).to_be_in_viewport()
    question(0).scroll_into_view_if_needed()
    asked = ann.questions.locator(".message__text").all_inner_texts()
    assert asked == [f"Question {number:02}" for number in range(35)]


def test_an_edited_message_is_answered_anew_and_the_old_pair_stays(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script(
        TITLE,
        {"when": "blue", "reply": "Blue it is."},
        {"when": "red", "reply": "Red it is."},
    )
    ann = visit.by("ann").go()
    ann.ask("I like red")
    question = ann.questions.first
    question.hover()
    question.get_by_role("button", name="Edit message").click()
    editor = ann.page.get_by_role("textbox", name="Edit your message")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("I like red")
    editor.fill("I like blue")
    ann.page.get_by_role("button", name="Send again").click()
    expect(ann.words).to_have_text("Blue it is.")
    ann.ended()
    expect(ann.messages).to_have_count(2)
    expect(question).to_contain_text("I like blue")
    switcher = question.get_by_test_id("branch-switcher")
    switcher.get_by_role("button", name="Previous version").click()
    expect(question).to_contain_text("I like red")
    expect(ann.words).to_have_text("Red it is.")
    switcher.get_by_role("button", name="Next version").click()
    expect(ann.words).to_have_text("Blue it is.")


def test_a_broken_off_answer_says_so_with_its_reference_and_goes_on(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script(
        TITLE,
        {"when": "cut off", "reply": "lived a king."},
        {"when": "story", "reply": "Once upon a time there", "fail": "cut", "after": 4},
    )
    ann = visit.by("ann").go().say("Tell me a story")
    answer = ann.ended("failed")
    expect(ann.words).to_contain_text("Once upon")
    alert = answer.get_by_role("alert")
    expect(alert).to_contain_text("The answer broke off")
    expect(alert).to_contain_text("Try again in a moment.")
    answer.get_by_role("button", name="Continue").click()
    expect(ann.words).to_have_text("lived a king.")


def test_an_answer_cut_at_its_limit_offers_to_continue(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    model.script(
        TITLE,
        {"when": "cut off", "reply": "and the second half."},
        {"when": "essay", "tokens": 2_000},
    )
    admin = Client(web, "platform")
    (provider,) = admin.get("/gateway/providers").json()["items"]
    small = {"name": "scripted", "window": 100_000, "output_limit": 20}
    changed = admin.patch(f"/gateway/providers/{provider['id']}", {"models": [small]})
    assert changed.status_code == 200, changed.text
    ann = visit.by("ann").go()
    answer = ann.ask("Write an essay")
    expect(answer.get_by_test_id("degraded-banner")).to_contain_text("cut at its length limit")
    answer.get_by_role("button", name="Continue").click()
    expect(ann.words).to_have_text("and the second half.")


def test_a_rating_is_given_changed_and_taken_back(visit: Visit, model: SimulatedProvider) -> None:
    model.script(TITLE, {"when": ".", "reply": "Yes."})
    ann = visit.by("ann").go()
    ann.ask("Is it so?")
    good = ann.answer.get_by_role("button", name="Good answer")
    bad = ann.answer.get_by_role("button", name="Bad answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(good).to_have_attribute("aria-pressed", "false")
    ann.page.reload()
    expect(bad).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    ann.page.reload()
    expect(bad).to_have_attribute("aria-pressed", "false")


def test_without_a_model_the_answer_says_so_and_an_administrator_finds_the_way(
    visit: Visit, no_model: None
) -> None:
    ann = visit.by("ann").go()
    expect(ann.page.get_by_text("No language model is configured yet.")).to_be_visible()
    ann.ask("My cat is called Minka.")
    banner = ann.answer.get_by_test_id("degraded-banner")
    expect(banner).to_contain_text("No language model is configured")
    expect(banner.get_by_role("link")).to_have_count(0)
    platform = visit.by("platform").go()
    platform.ask("My dog is called Rex.")
    platform.answer.get_by_role("link", name="Set up a model").click()
    expect(platform.page).to_have_url(re.compile("/platform/providers"))


def test_when_every_model_is_down_the_answer_says_so(
    visit: Visit, model: SimulatedProvider
) -> None:
    model.script({"when": ".", "fail": "500"})
    ann = visit.by("ann").go()
    ann.ask("Are you there?")
    banner = ann.answer.get_by_test_id("degraded-banner")
    expect(banner).to_contain_text("No language model could be reached")
    expect(ann.words).to_contain_text("unreachable")


def test_a_refused_act_is_told_with_its_request_id(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    elsewhere = Client(web, "ann")
    conversation = elsewhere.conversation("Summer plans")
    ann = visit.by("ann").go()
    expect(ann.item("Summer plans")).to_be_visible()
    assert elsewhere.delete(f"/chat/conversations/{conversation}").status_code == 204
    ann.act("Summer plans", "Rename")
    name = ann.page.get_by_role("textbox", name="New name of Summer plans")
    name.fill("Winter plans")
    with ann.page.expect_response("**/api/v2/chat/conversations/*") as refused:
        name.press("Enter")
    reference = refused.value.json()["instance"]
    assert len(reference) == 36
    told = ann.page.get_by_role("status").filter(has_text=reference)
    expect(told).to_contain_text("deleted")


def test_a_page_that_cannot_be_loaded_says_why_and_tries_again(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    conversation = Client(web, "ann").conversation("Summer plans")
    ann = visit.by("ann").go()
    # What a proxy in front of the server answers while the server is being replaced.
    gone = "**/api/v2/chat/messages/**"
    ann.page.route(gone, lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    ann.item("Summer plans").click()
    alert = ann.page.get_by_role("alert")
    expect(alert).to_contain_text("The server gave an answer that cannot be read")
    ann.page.unroute(gone)
    alert.get_by_role("button", name="Try again").click()
    expect(ann.page.get_by_text("Nothing said yet")).to_be_visible()
    assert ann.conversation_id() == conversation


def test_what_the_model_saw_of_a_turn_is_shown_on_request(
    visit: Visit, model: SimulatedProvider
) -> None:
    ann = visit.by("ann").go()
    ann.ask("What is in a prompt?")
    ann.answer.hover()
    button = ann.answer.get_by_role("button", name="What the model saw")
    button.click()
    report = ann.answer.get_by_test_id("context-report")
    expect(report.get_by_role("row", name="Your message")).to_be_visible()
    expect(report).to_contain_text("0 earlier messages were there word for word.")
    ann.shoot("what-the-model-saw")
    button.click()
    expect(report).to_have_count(0)
