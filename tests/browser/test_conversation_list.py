"""The list of conversations: search, rename, archive, delete with undo, paging, a new one."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Tab, Visit
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web


@pytest.fixture
def garden(visit: Visit, web: Web, model: SimulatedProvider) -> Tab:
    """Ann's list with three conversations, one of them with words in it."""
    model.script({"when": ".", "reply": "Tomatoes want lime and a warm wall."})
    client = Client(web, "ann")
    client.say(client.conversation("Garden"), "What do my tomatoes want?")
    client.conversation("Holiday")
    client.conversation("Taxes")
    return visit.by("ann").go()


def test_search_finds_titles_and_words_and_marks_the_hits(garden: Tab) -> None:
    expect(garden.items).to_have_count(3)
    garden.page.keyboard.press("Control+k")
    expect(garden.search).to_be_focused()
    garden.page.keyboard.type("lime")
    expect(garden.items).to_have_count(1)
    expect(garden.items.locator("mark")).to_have_text("lime")
    expect(garden.items).to_contain_text("and a warm wall")
    garden.search.fill("holid")
    expect(garden.item("Holiday")).to_be_visible()
    garden.search.fill("elephants")
    expect(garden.page.get_by_text("Nothing found")).to_be_visible()
    garden.search.press("Escape")
    expect(garden.search).to_have_value("")
    expect(garden.items).to_have_count(3)


def test_markup_in_a_title_stays_text(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    title = "<img src=x onerror=alert(1)> <<b>>"
    Client(web, "ann").conversation(title)
    ann = visit.by("ann").go()
    expect(ann.items).to_contain_text(title)
    ann.search.fill("img")
    expect(ann.items).to_contain_text("onerror")
    expect(ann.page.locator("img")).to_have_count(0)


def test_renaming_in_place_is_kept_and_can_be_given_up(garden: Tab) -> None:
    garden.act("Taxes", "Rename")
    name = garden.page.get_by_role("textbox", name="New name of Taxes")
    expect(name).to_be_focused()
    name.fill("Taxes 2026")
    name.press("Enter")
    expect(garden.item("Taxes 2026").get_by_role("link")).to_be_focused()
    expect(garden.announcements).to_contain_text("Renamed to Taxes 2026")
    garden.page.keyboard.press("F2")
    again = garden.page.get_by_role("textbox", name="New name of Taxes 2026")
    again.fill("Something else")
    again.press("Escape")
    garden.page.reload()
    expect(garden.item("Taxes 2026")).to_be_visible()
    expect(garden.item("Something else")).to_have_count(0)


def test_a_rename_shows_in_another_tab(garden: Tab, visit: Visit) -> None:
    other = visit.second_tab(garden).go()
    other.item("Holiday").click()
    expect(other.page.get_by_role("heading", name="Holiday")).to_be_visible()
    garden.act("Holiday", "Rename")
    name = garden.page.get_by_role("textbox", name="New name of Holiday")
    name.fill("Holiday by the sea")
    name.press("Enter")
    expect(other.page.get_by_role("heading", name="Holiday by the sea")).to_be_visible()
    expect(other.item("Holiday by the sea")).to_be_visible()


def test_archive_moves_it_out_of_sight_and_back(garden: Tab) -> None:
    garden.act("Taxes", "Archive")
    expect(garden.items).to_have_count(2)
    garden.page.get_by_role("button", name="Archived").click()
    expect(garden.item("Taxes")).to_be_visible()
    expect(garden.items).to_have_count(1)
    garden.act("Taxes", "Move back to active")
    expect(garden.page.get_by_text("The archive is empty")).to_be_visible()
    garden.page.get_by_role("button", name="Active", exact=True).click()
    expect(garden.items).to_have_count(3)


def test_a_deleted_conversation_names_itself_and_comes_back_by_undo(garden: Tab) -> None:
    garden.item("Garden").click()
    expect(garden.answer).to_contain_text("a warm wall")
    opened = garden.page.url
    garden.act("Garden", "Delete")
    expect(garden.items).to_have_count(2)
    expect(garden.page).to_have_url(re.compile(r"/chat$"))
    expect(garden.page.get_by_text("“Garden” was deleted.")).to_be_visible()
    garden.page.get_by_test_id("toast-undo").click()
    expect(garden.item("Garden")).to_be_visible()
    expect(garden.page).to_have_url(opened)
    expect(garden.answer).to_contain_text("a warm wall")


def test_a_deleted_conversation_is_gone_after_reload(garden: Tab) -> None:
    garden.act("Garden", "Delete")
    expect(garden.page.get_by_text("“Garden” was deleted.")).to_be_visible()
    garden.page.reload()
    expect(garden.items).to_have_count(2)
    garden.search.fill("tomatoes")
    expect(garden.page.get_by_text("Nothing found")).to_be_visible()


def test_the_list_loads_further_pages_while_scrolling(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    client = Client(web, "ann")
    for number in range(70):
        client.conversation(f"Talk {number:02}")
    ann = visit.by("ann").go()
    expect(ann.item("Talk 69")).to_be_visible()
    assert ann.items.count() < 70
    ann.item("Talk 69").hover()
    for _ in range(100):
        if ann.items.count() == 70:
            break
        ann.items.last.scroll_into_view_if_needed()
    expect(ann.items).to_have_count(70)
    titles = ann.items.locator(".conversation__title").all_inner_texts()
    assert titles == [f"Talk {number:02}" for number in reversed(range(70))]


def test_a_new_conversation_speaks_with_the_chosen_agent(
    visit: Visit, web: Web, model: SimulatedProvider
) -> None:
    made = Client(web, "admin").post(
        "/agents", {"name": "Cook", "instructions": "You are a cook who hates waste."}
    )
    assert made.status_code in (200, 201), made.text
    model.script({"when": ".", "reply": "Soup."})
    ann = visit.by("ann").go()
    ann.page.get_by_role("radio", name="Cook").check()
    ann.ask("What do I cook?")
    expect(ann.answer).to_contain_text("Cook")
    prompts = [one["body"]["messages"][0]["content"] for one in model.captured()]
    assert any("hates waste" in prompt for prompt in prompts)
    # The last choice is the next one's suggestion.
    ann.page.get_by_role("link", name="New conversation", exact=True).click()
    expect(ann.page.get_by_role("radio", name="Cook")).to_be_checked()


def test_conversations_of_other_people_are_not_found(garden: Tab, visit: Visit) -> None:
    garden.item("Garden").click()
    expect(garden.answer).to_be_visible()
    bob = visit.by("bob").go(f"/chat/{garden.conversation_id()}")
    expect(bob.page.get_by_text("This conversation does not exist")).to_be_visible()
    expect(bob.page.get_by_text("No conversations yet")).to_be_visible()
    bob.page.get_by_role("link", name="Start a new one").click()
    expect(bob.field).to_be_focused()
