"""What happens to a person's words when network, server or session go away."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.support.browser import Tab, Visit
from tests.support.cast import PASSWORD
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

TITLE = {"when": "Give this conversation a title", "reply": "A short talk"}
WORDS = " ".join(f"word{number}" for number in range(300))
# A turn whose process died is given up when its lease ends.
LEASE_MS = 40_000
NEW_PASSWORD = "another orchard in the snow"


@pytest.fixture
def talk(visit: Visit, model: SimulatedProvider) -> Tab:
    """Ann in a conversation of one exchange."""
    model.script(
        TITLE,
        {"when": "cut off", "reply": "and the rest."},
        {"when": "Count", "reply": WORDS, "gap_ms": 25},
        {"when": ".", "reply": "I hear you."},
    )
    ann = visit.by("ann").go()
    ann.ask("Hello?")
    expect(ann.item("A short talk")).to_be_visible()
    return ann


def questions(web: Web, conversation_id: str, person: Client | None = None) -> list[str]:
    """What the server has of the person's side of a conversation."""
    rows = (person or Client(web, "ann")).messages(conversation_id)
    return [row["text"] for row in rows if row["role"] == "user"]


def test_drafts_are_kept_for_each_conversation_and_over_a_reload(talk: Tab, web: Web) -> None:
    Client(web, "ann").conversation("Elsewhere")
    talk.field.fill("half a thought")
    talk.page.reload()
    expect(talk.field).to_have_value("half a thought")
    talk.item("Elsewhere").click()
    expect(talk.page.get_by_role("heading", name="Elsewhere")).to_be_visible()
    expect(talk.field).to_have_value("")
    talk.field.fill("another thought")
    talk.item("A short talk").click()
    expect(talk.field).to_have_value("half a thought")
    talk.page.get_by_role("link", name="New conversation", exact=True).click()
    expect(talk.field).to_have_value("")
    talk.item("Elsewhere").click()
    expect(talk.field).to_have_value("another thought")
    talk.field.press("Enter")
    talk.ended()
    expect(talk.field).to_have_value("")
    talk.page.reload()
    expect(talk.words).to_have_text("I hear you.")
    expect(talk.field).to_have_value("")


def test_what_is_written_offline_is_kept_and_sent_once(talk: Tab, web: Web) -> None:
    talk.page.context.set_offline(True)
    expect(talk.page.get_by_text("You are offline.")).to_be_visible()
    talk.say("Are you still there?")
    waiting = talk.questions.last
    expect(waiting).to_contain_text("Kept here; will be sent when you are connected.")
    expect(talk.field).to_have_value("")
    talk.shoot("offline")
    talk.page.context.set_offline(False)
    expect(talk.answers).to_have_count(2)
    talk.ended()
    expect(talk.page.get_by_text("You are offline.")).to_be_hidden()
    assert questions(web, talk.conversation_id()) == ["Hello?", "Are you still there?"]


def test_what_is_written_offline_survives_closing_the_tab(
    talk: Tab, web: Web, visit: Visit
) -> None:
    conversation = talk.conversation_id()
    talk.page.context.set_offline(True)
    talk.say("Are you still there?")
    expect(talk.questions.last).to_contain_text("Kept here")
    talk.page.close()
    later = visit.second_tab(talk)
    later.page.context.set_offline(False)
    later.open_conversation(conversation)
    expect(later.answers).to_have_count(2)
    later.ended()
    assert questions(web, conversation) == ["Hello?", "Are you still there?"]


def test_a_message_that_waits_can_be_taken_back(talk: Tab, web: Web) -> None:
    talk.page.context.set_offline(True)
    talk.say("Something rash")
    talk.questions.last.get_by_role("button", name="Take back and edit").click()
    expect(talk.field).to_have_value("Something rash")
    expect(talk.field).to_be_focused()
    expect(talk.questions).to_have_count(1)
    talk.field.fill("Something wise")
    talk.field.press("Enter")
    talk.page.context.set_offline(False)
    expect(talk.answers).to_have_count(2)
    assert questions(web, talk.conversation_id()) == ["Hello?", "Something wise"]


def test_a_connection_lost_before_the_receipt_does_not_double_the_message(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    model.script(TITLE, {"when": ".", "reply": "I hear you."})
    swallowed: list[str] = []

    def lose_first_receipt(ours: WebSocketRoute) -> None:
        server = ours.connect_to_server()

        def on_frame(frame: str | bytes) -> None:
            if not swallowed and '"chat.accepted"' in str(frame):
                swallowed.append(str(frame))
                server.close()
                ours.close(code=4000)
                return
            ours.send(frame)

        server.on_message(on_frame)

    ann = visit.by("ann")
    ann.page.route_web_socket("**/ws/v2/chat", lose_first_receipt)
    ann.go()
    ann.ask("Did you get this?")
    assert len(swallowed) == 1
    expect(ann.questions).to_have_count(1)
    assert questions(web, ann.conversation_id()) == ["Did you get this?"]


def test_a_killed_server_leaves_the_text_so_far_and_continue_goes_on(talk: Tab, web: Web) -> None:
    talk.say("Count for me")
    # A killed process keeps what it showed more than a tenth of a second ago: word10, by word20.
    expect(talk.words).to_contain_text("word20")
    web.kill()
    expect(talk.page.get_by_text("The connection was lost.")).to_be_visible()
    talk.shoot("server-gone")
    talk.field.fill("written meanwhile")
    web.start()
    answer = talk.ended("interrupted", LEASE_MS)
    expect(answer).to_contain_text("The answer was interrupted. Its text so far is kept.")
    expect(talk.words).to_contain_text("word10")
    expect(talk.field).to_have_value("written meanwhile")
    talk.shoot("interrupted")
    talk.page.reload()
    expect(talk.words).to_contain_text("word10")
    talk.answer.get_by_role("button", name="Continue").click()
    expect(talk.words).to_have_text("and the rest.")
    talk.ended()
    assert questions(web, talk.conversation_id()) == ["Hello?", "Count for me"]


def test_a_connection_that_breaks_in_mid_answer_loses_no_word(
    talk: Tab, model: SimulatedProvider
) -> None:
    talk.say("Count for me")
    expect(talk.words).to_contain_text("word10")
    talk.page.context.set_offline(True)
    expect(talk.page.get_by_text("You are offline.")).to_be_visible()
    talk.page.context.set_offline(False)
    talk.ended()
    expect(talk.words).to_have_text(WORDS)


def end_sessions_of_ann(web: Web) -> None:
    """Ann changes her password on another machine, which ends her other sessions."""
    changed = Client(web, "ann").post("/auth/password", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert changed.status_code == 200, changed.text


def sign_in_again(tab: Tab) -> None:
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(tab.page.get_by_text("Your session has ended.")).to_be_visible()
    tab.page.get_by_label("E-mail").fill("ann@example.org")
    tab.page.get_by_label("Password").fill(NEW_PASSWORD)
    tab.page.get_by_role("button", name="Sign in").click()


def test_a_session_ended_elsewhere_keeps_draft_and_place(talk: Tab, web: Web) -> None:
    place = talk.page.url
    talk.field.fill("half a thought")
    end_sessions_of_ann(web)
    # The page is told at once: nothing has to be asked for first.
    sign_in_again(talk)
    expect(talk.page).to_have_url(place)
    expect(talk.words).to_have_text("I hear you.")
    expect(talk.field).to_have_value("half a thought")


def test_a_message_written_into_an_ended_session_goes_out_after_signing_in(
    talk: Tab, web: Web
) -> None:
    conversation = talk.conversation_id()
    talk.page.context.set_offline(True)
    expect(talk.page.get_by_text("You are offline.")).to_be_visible()
    end_sessions_of_ann(web)
    talk.say("Are you still there?")
    talk.page.context.set_offline(False)
    sign_in_again(talk)
    expect(talk.answers).to_have_count(2)
    talk.ended()
    anew = Client(web, "ann", NEW_PASSWORD)
    assert questions(web, conversation, anew) == ["Hello?", "Are you still there?"]
