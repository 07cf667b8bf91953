"""Without a mouse and without eyes: the keyboard alone, the focus, and what is said aloud."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Tab, Visit
from tests.support.cast import PASSWORD
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web

TITLE = {"when": "Give this conversation a title", "reply": "A short talk"}
FARTHEST = 80
RING = """() => {
    const at = document.activeElement;
    if (at === null || at === document.body) return false;
    // Fields draw the ring around the group that they belong to.
    for (let one = at, up = 0; one !== null && up < 4; one = one.parentElement, up += 1) {
        const style = getComputedStyle(one);
        if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) return true;
    }
    return false;
}"""


def step_to(tab: Tab, wanted: str, key: str = "Tab") -> None:
    """Press `key` until something of that name has the focus; it must be visible all the way."""
    passed = []
    for _ in range(FARTHEST):
        tab.page.keyboard.press(key)
        at = tab.focused()
        passed.append(at)
        # `body` is where the browser's own controls would be: one press further is the page again.
        if at != "body":
            assert tab.page.evaluate(RING), f"no ring around {at}"
        if re.search(wanted, at):
            return
    raise AssertionError(f"{wanted} is not reached by {key}: {passed}")


def write(tab: Tab, text: str) -> None:
    """Type into whatever has the focus."""
    tab.page.keyboard.type(text)


def test_the_whole_chat_by_keyboard_alone(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    model.script(
        TITLE,
        {"when": "slowly", "reply": "word " * 400, "gap_ms": 30},
        {"when": "blue", "reply": "Blue it is."},
        {"when": "red", "reply": "Red it is."},
    )
    Client(web, "ann").conversation("An older one")
    tab = visit.stranger().go()
    keyboard = tab.page.keyboard
    expect(tab.page.get_by_label("E-mail")).to_be_focused()
    write(tab, "ann@example.org")
    step_to(tab, "^input Password")
    write(tab, PASSWORD)
    keyboard.press("Enter")

    # The way past the list is the first stop of every page.
    expect(tab.field).to_be_focused()
    tab.page.reload()
    expect(tab.page.get_by_role("radio", name="Soma")).to_be_checked()
    expect(tab.field).to_be_focused()
    write(tab, "I like red")
    keyboard.press("Enter")
    expect(tab.words).to_have_text("Red it is.")
    tab.ended()
    expect(tab.field).to_be_focused()
    expect(tab.item("A short talk")).to_be_visible()

    write(tab, "Go slowly")
    keyboard.press("Enter")
    expect(tab.words).to_contain_text("word word")
    keyboard.press("Escape")
    tab.ended("cancelled")
    expect(tab.field).to_be_focused()

    # Backwards from the field: acts of the last messages, then those before.
    for _ in range(2):
        step_to(tab, "^button Edit message", "Shift+Tab")
    keyboard.press("Enter")
    editor = tab.page.get_by_role("textbox", name="Edit your message")
    expect(editor).to_be_focused()
    keyboard.press("Control+a")
    write(tab, "I like blue")
    keyboard.press("Enter")
    expect(tab.words).to_have_text("Blue it is.")
    tab.ended()
    expect(tab.field).to_be_focused()
    expect(tab.questions.first.get_by_test_id("branch-switcher")).to_contain_text("2 / 2")
    step_to(tab, "^button Previous version", "Shift+Tab")
    keyboard.press("Enter")
    expect(tab.questions.first).to_contain_text("I like red")
    expect(tab.questions.first.get_by_role("button", name="Next version")).to_be_focused()
    step_to(tab, "^button Good answer")
    keyboard.press("Space")
    good = tab.page.get_by_role("button", name="Good answer").first
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(good).to_be_focused()

    keyboard.press("Control+k")
    expect(tab.search).to_be_focused()
    write(tab, "older")
    expect(tab.items).to_have_count(1)
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="An older one")).to_be_visible()
    expect(tab.field).to_be_focused()

    step_to(tab, "^button.*account menu", "Shift+Tab")
    keyboard.press("Enter")
    expect(tab.page.get_by_role("menuitem", name="Agents")).to_be_focused()
    keyboard.press("End")
    expect(tab.page.get_by_role("menuitem", name="Sign out")).to_be_focused()
    keyboard.press("Enter")
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(tab.page.get_by_label("E-mail")).to_be_focused()


def test_the_first_stop_leads_past_the_list(visit: Visit, model: SimulatedProvider) -> None:
    ann = visit.by("ann").go("/agents")
    expect(ann.page.get_by_role("heading", name="Soma")).to_be_visible()
    ann.page.keyboard.press("Tab")
    skip = ann.page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("main")).to_be_focused()


@pytest.fixture
def three(visit: Visit, web: Web, model: SimulatedProvider) -> Tab:
    """Ann with three conversations, the focus on the middle one."""
    for title in ("First", "Second", "Third"):
        Client(web, "ann").conversation(title)
    ann = visit.by("ann").go()
    ann.item("Second").get_by_role("link").focus()
    return ann


def link(tab: Tab, title: str) -> None:
    expect(tab.item(title).get_by_role("link")).to_be_focused()


def test_arrows_walk_through_the_list(three: Tab) -> None:
    three.page.keyboard.press("ArrowDown")
    link(three, "First")
    three.page.keyboard.press("ArrowUp")
    three.page.keyboard.press("ArrowUp")
    link(three, "Third")


def test_the_focus_stays_after_rename_delete_and_undo(three: Tab) -> None:
    keyboard = three.page.keyboard
    keyboard.press("F2")
    write(three, "Renamed")
    keyboard.press("Enter")
    link(three, "Renamed")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(three.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    keyboard.press("Escape")
    expect(three.page.get_by_role("button", name="Acts for Renamed")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("End")
    expect(three.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    keyboard.press("Enter")
    link(three, "First")
    expect(three.page.get_by_text("“Renamed” was deleted.")).to_be_visible()
    step_to(three, "^button Undo")
    keyboard.press("Enter")
    expect(three.item("Renamed")).to_be_visible()
    assert three.focused() != "body"
    three.item("Renamed").get_by_role("link").focus()
    keyboard.press("Tab")
    keyboard.press("Enter")
    keyboard.press("ArrowDown")
    expect(three.page.get_by_role("menuitem", name="Archive")).to_be_focused()
    keyboard.press("Enter")
    link(three, "First")
    step_to(three, "^button Dismiss")
    keyboard.press("Enter")
    expect(three.page.get_by_text("“Renamed” was archived.")).to_be_hidden()
    assert three.focused() != "body"


def test_the_focus_stays_when_the_last_conversation_goes(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    Client(web, "ann").conversation("Only")
    ann = visit.by("ann").go()
    ann.act("Only", "Archive")
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()
    expect(ann.page.get_by_role("link", name="New conversation", exact=True)).to_be_focused()


def test_a_dialog_keeps_the_focus_and_gives_it_back(visit: Visit, model: SimulatedProvider) -> None:
    admin = visit.by("platform").go("/platform/providers")
    remove = admin.page.get_by_role("button", name="Remove")
    remove.focus()
    admin.page.keyboard.press("Enter")
    dialog = admin.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(6):
        admin.page.keyboard.press("Tab")
        inside = admin.page.evaluate(
            "() => document.activeElement === document.body"
            " || document.querySelector('dialog[open]').contains(document.activeElement)"
        )
        assert inside, admin.focused()
    admin.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(remove).to_be_focused()


def test_an_answer_is_said_in_sentences(visit: Visit, model: SimulatedProvider) -> None:
    model.script(
        TITLE,
        {
            "when": "three",
            "reply": "This is **one**. Here comes two, with `code`. And three!\n\n"
            "```python\nprint('never spelled out')\n```\n\nThat is all",
            "gap_ms": 15,
        },
    )
    ann = visit.by("ann").go()
    # All that the live region ever held, in order.
    ann.page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver((changes) => {
                for (const change of changes) for (const node of change.addedNodes) {
                    if (node.nodeType === Node.ELEMENT_NODE) window.said.push(node.textContent);
                }
            }).observe(document.querySelector('[data-testid="announcements"]'), {childList: true});
        }"""
    )
    ann.ask("Say three sentences")
    expect(ann.announcements).to_contain_text("The answer is complete.")
    expect(ann.announcements).to_have_attribute("aria-live", "polite")
    # The outage that an earlier test made may end meanwhile, and that is said too.
    said = [one for one in ann.page.evaluate("() => window.said") if "works again" not in one]
    assert said == [
        "The agent is writing.",
        "This is one.",
        "Here comes two, with code.",
        "And three!",
        "Code block.",
        "That is all",
        "The answer is complete.",
    ]


def test_failures_are_said_aloud(visit: Visit, model: SimulatedProvider) -> None:
    model.script(TITLE, {"when": ".", "reply": "Once upon a time", "fail": "cut", "after": 3})
    # The answer is over before the page of the new conversation has been read.
    ann = visit.by("ann").go().say("Tell me a story")
    ann.ended("failed")
    expect(ann.announcements).to_contain_text("The answer broke off")


def test_an_answer_that_comes_at_once_is_said_too(visit: Visit, model: SimulatedProvider) -> None:
    model.script(TITLE, {"when": ".", "reply": "All of it at once."})
    ann = visit.by("ann").go()
    ann.ask("Quick?")
    expect(ann.announcements).to_contain_text("All of it at once.")
    ann.answer.get_by_role("button", name="Answer again").click()
    expect(ann.answer.get_by_test_id("branch-switcher")).to_contain_text("2 / 2")
    said = ann.announcements.get_by_text("The answer is complete.")
    expect(said).to_have_count(2)
    # What was said is not said again when one comes back to it.
    ann.page.reload()
    expect(ann.words).to_have_text("All of it at once.")
    expect(ann.announcements).to_be_empty()
