"""What is remembered, as a person sees it: found, explained, corrected, forgotten, carried away.

Also the graph and the training of an agent. The whole story with a conversation before and after
it is `test_memory_journey`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from somaagent.celery import wake
from tests.support.browser import NARROW, Tab, Visit
from tests.support.web import Client, Web, eventually

TOLD = (
    "My neighbour Clara Stein keeps three bees' hives behind the chapel.",
    "Clara Stein gave Tomas the recipe of the plum cake.",
    "The spare key hangs in the shed, left of the door.",
)
THEMES = ("light", "dark", "contrast")


@pytest.fixture
def ann(visit: Visit, web: Web, no_model: None) -> Tab:
    """Ann, whom the agent knows three things of."""
    tell(Client(web, "ann"), *TOLD)
    return visit.by("ann")


@pytest.fixture
def ann_client(web: Web, ann: Tab) -> Client:
    """Ann past the interface; made after what she is remembered by."""
    return Client(web, "ann")


def tell(client: Client, *texts: str) -> list[str]:
    """Write memories down and wait until their meaning is known; returns their ids."""
    agent_id = client.agent_id()
    made = []
    for text in texts:
        answer = client.post(
            "/memory",
            {"agent_id": agent_id, "text": text},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 201, answer.text
        made.append(str(answer.json()["memory_id"]))

    def is_learned() -> bool:
        return all(one["state"] != "stored" for one in remembered(client))

    eventually(is_learned, "the meaning of the memories was not learned")
    return made


def remembered(client: Client) -> list[dict[str, Any]]:
    """What the server has, newest first."""
    return list(client.get("/memory/recent").json()["items"])


def texts_of(client: Client) -> list[str]:
    """The words that the server still has."""
    return [str(one["text"]) for one in remembered(client)]


def memories(tab: Tab) -> Locator:
    """The memories that are shown."""
    return tab.page.get_by_test_id("memory")


def with_text(tab: Tab, text: str) -> Locator:
    """The memory of those words."""
    return memories(tab).filter(has_text=text)


def act_on(tab: Tab, text: str, act: str) -> None:
    """Choose an act from the menu of a memory."""
    tab.page.bring_to_front()
    with_text(tab, text).get_by_role("button", name=re.compile("^Acts for")).click()
    tab.page.get_by_role("menuitem", name=act, exact=True).click()


def act_on_all(tab: Tab, act: str) -> None:
    """Choose an act from the menu of the page."""
    tab.page.get_by_role("button", name="Acts for all memories").click()
    tab.page.get_by_role("menuitem", name=act, exact=True).click()


def search_field(tab: Tab) -> Locator:
    """Where memories are searched."""
    return tab.page.get_by_role("searchbox", name="Search memories")


def test_search_while_typing_and_why_each_was_found(ann: Tab) -> None:
    ann.go().page.get_by_role("link", name="Memory", exact=True).click()
    expect(memories(ann)).to_have_count(3)
    expect(ann.page.get_by_test_id("why")).to_have_count(0)
    search_field(ann).press_sequentially("where is the spare key", delay=15)
    expect(memories(ann).first).to_contain_text("left of the door")
    expect(ann.page).to_have_url(re.compile(r"q=where\+is\+the\+spare\+key"))
    why = memories(ann).first.get_by_test_id("why")
    why.get_by_text("Why it was found").click()
    expect(why).to_contain_text("Closeness in meaning")
    expect(why).to_contain_text("Words of the search in it")
    ann.shoot("memory-search")
    ann.page.reload()
    expect(search_field(ann)).to_have_value("where is the spare key")
    expect(memories(ann).first).to_contain_text("left of the door")
    search_field(ann).press("Escape")
    expect(memories(ann)).to_have_count(3)


def test_only_the_answer_to_the_newest_words_is_shown(ann: Tab) -> None:
    ann.go("/memory")
    expect(memories(ann)).to_have_count(3)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    ann.page.route("**/memory/search?*q=bees&*", hold)
    search_field(ann).fill("bees")
    eventually(lambda: pumped(ann, held), "the first search was not asked")
    search_field(ann).fill("plum cake")
    expect(memories(ann).first).to_contain_text("plum cake")
    for route in held:
        route.abort()
    expect(memories(ann).first).to_contain_text("plum cake")
    expect(ann.page.get_by_role("alert")).to_have_count(0)


def pumped(tab: Tab, held: list[Any]) -> bool:
    """Let the browser's events come in; whether something is held."""
    tab.page.evaluate("() => 0")
    return bool(held)


def test_filters_narrow_and_are_kept_in_the_address(ann: Tab, ann_client: Client) -> None:
    conversation = ann_client.conversation("The attic")
    ann_client.say(conversation, "My skis stand in the attic.")
    eventually(lambda: len(remembered(ann_client)) >= 4, "the message was not remembered")
    ann.go("/memory")
    ann.page.get_by_role("button", name="Conversations", exact=True).click()
    group = ann.page.get_by_role("region", name="The attic")
    expect(group.get_by_test_id("memory")).to_contain_text("skis")
    group.get_by_role("link", name="The attic", exact=True).click()
    expect(ann.questions.first).to_contain_text("skis")
    ann.page.go_back()
    expect(group).to_be_visible()
    ann.page.get_by_role("button", name="Facts", exact=True).click()
    expect(ann.page.get_by_text("No facts yet")).to_be_visible()
    ann.page.get_by_role("button", name="All", exact=True).click()
    ann.page.get_by_label("Said by").select_option("The agent")
    expect(ann.page.get_by_text("Nothing found")).to_be_visible()
    expect(ann.page).to_have_url(re.compile("said-by=assistant"))
    ann.page.get_by_label("Said by").select_option("You")
    expect(memories(ann)).to_have_count(4)
    ann.page.get_by_label("Until").fill("2001-01-01")
    expect(ann.page.get_by_text("No memory fits these filters.")).to_be_visible()
    ann.page.get_by_role("button", name="Clear").click()
    expect(memories(ann)).to_have_count(4)
    expect(ann.page).to_have_url(re.compile("/memory$"))


def test_a_correction_replaces_and_both_say_so(ann: Tab, ann_client: Client) -> None:
    ann.go("/memory")
    act_on(ann, "spare key", "Correct")
    field = ann.page.get_by_role("textbox", name="What is right")
    expect(field).to_be_focused()
    field.fill("The spare key hangs in the cellar, under the stairs.")
    ann.page.get_by_role("button", name="Save correction").click()
    newer, older = with_text(ann, "under the stairs"), with_text(ann, "left of the door")
    expect(newer).to_be_visible()
    expect(newer.get_by_role("checkbox")).to_be_focused()
    expect(newer).not_to_contain_text("Replaced by a newer one")
    expect(older).to_contain_text("Replaced by a newer one")
    ann.shoot("memory-corrected")
    older.get_by_role("link", name="Replaced by a newer one").click()
    detail = ann.page.get_by_test_id("memory-detail")
    expect(detail).to_contain_text("under the stairs")
    expect(detail.get_by_test_id("current")).to_be_visible()
    detail.get_by_role("link", name="Show the old one").click()
    expect(detail.get_by_test_id("replaced")).to_be_visible()
    expect(detail).to_contain_text("left of the door")
    assert len(texts_of(ann_client)) == 4


def test_forgetting_waits_for_the_undo_and_is_real_afterwards(ann: Tab, ann_client: Client) -> None:
    ann.go("/memory")
    keys = ann.page.keyboard
    with_text(ann, "spare key").get_by_role("checkbox").focus()
    keys.press("Delete")
    expect(with_text(ann, "spare key")).to_have_count(0)
    assert "checkbox" in ann.page.evaluate("() => document.activeElement.type")
    ann.page.get_by_test_id("toast-undo").click()
    expect(with_text(ann, "spare key")).to_be_visible()
    assert len(texts_of(ann_client)) == 3

    act_on(ann, "spare key", "Forget")
    expect(with_text(ann, "spare key")).to_have_count(0)
    ann.shoot("memory-undo")
    assert len(texts_of(ann_client)) == 3, "the server was asked before the time to undo was over"
    ann.page.get_by_role("button", name="Dismiss").click()
    expect(ann.page.get_by_text("Gone for good: 1 memory")).to_be_visible()
    assert not any("spare key" in text for text in texts_of(ann_client))
    assert not ann_client.get("/memory/search", q="where is the spare key").json()["items"] or all(
        "shed" not in one["text"]
        for one in ann_client.get("/memory/search", q="where is the spare key").json()["items"]
    )


@pytest.mark.parametrize("way", ["close", "reload", "sign out"])
def test_leaving_does_what_was_promised(ann: Tab, ann_client: Client, way: str) -> None:
    ann.go("/memory")
    act_on(ann, "spare key", "Forget")
    expect(ann.page.get_by_test_id("toast-undo")).to_be_visible()
    if way == "close":
        ann.page.goto("about:blank")
    elif way == "reload":
        ann.page.reload()
    else:
        ann.account("Sign out")
        expect(ann.page.get_by_role("heading", name="Sign in")).to_be_visible()
    eventually(
        lambda: not any("spare key" in text for text in texts_of(ann_client)),
        f"what was forgotten is still there after: {way}",
    )


def test_a_selection_goes_with_a_question_and_a_proof(ann: Tab, ann_client: Client) -> None:
    ann.go("/memory")
    for text in ("hives", "plum cake"):
        with_text(ann, text).get_by_role("checkbox").check()
    expect(ann.page.get_by_text("2 selected")).to_be_visible()
    forget = ann.page.get_by_role("button", name="Forget…")
    forget.click()
    dialog = ann.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Forget 2 memories?")
    dialog.get_by_role("button", name="Keep").click()
    expect(forget).to_be_focused()
    assert len(texts_of(ann_client)) == 3
    forget.click()
    dialog.get_by_role("button", name="Forget for good").click()
    proof = dialog.get_by_test_id("proof")
    expect(proof).to_contain_text("Gone for good: 2 memories")
    expect(proof.get_by_role("row", name=re.compile("^Memories, word for word"))).to_contain_text(
        "2"
    )
    expect(proof.get_by_role("row", name=re.compile("^Embeddings"))).to_contain_text("2")
    expect(proof.get_by_role("row", name=re.compile("^Still found"))).to_contain_text("0")
    ann.shoot("memory-proof")
    proof.get_by_role("button", name="Done").click()
    expect(memories(ann)).to_have_count(1)
    assert texts_of(ann_client) == [TOLD[2]]


def test_out_as_a_file_everything_forgotten_and_in_again(
    ann: Tab, ann_client: Client, tmp_path: Path
) -> None:
    ann.go("/memory")
    expect(memories(ann)).to_have_count(3)
    act_on_all(ann, "Export…")
    dialog = ann.page.get_by_test_id("transfer-dialog")
    with ann.page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog).to_contain_text("3 memories are in the file.")
    file = tmp_path / "memories.jsonl"
    download.value.save_as(file)
    lines = file.read_text().splitlines()
    assert sorted(json.loads(line)["text"] for line in lines) == sorted(TOLD)
    dialog.get_by_role("button", name="Close").click()

    act_on_all(ann, "Forget everything…")
    question = ann.page.get_by_test_id("forget-dialog")
    expect(question.get_by_role("button", name="Forget for good")).to_be_disabled()
    question.get_by_role("textbox").fill("everything")
    question.get_by_role("button", name="Forget for good").click()
    expect(question).to_contain_text("Gone for good: 3 memories")
    question.get_by_role("button", name="Done").click()
    expect(ann.page.get_by_text("Nothing is remembered yet")).to_be_visible()
    assert texts_of(ann_client) == []

    file.write_text("\n".join([*lines[:1], "{broken", *lines[1:]]))
    act_on_all(ann, "Import…")
    dialog.get_by_label("File").set_input_files(file)
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_test_id("imported")).to_have_text("3 kept, 0 known already, 1 refused.")
    expect(dialog).to_contain_text("Line 2:")
    expect(dialog.get_by_test_id("progress")).to_have_text("4 of 4 lines")
    ann.shoot("memory-import")
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_test_id("imported")).to_have_text("0 kept, 3 known already, 1 refused.")
    dialog.get_by_role("button", name="Close").click()
    expect(memories(ann)).to_have_count(3)
    assert sorted(texts_of(ann_client)) == sorted(TOLD)


def test_the_graph_by_keyboard_in_its_list(ann: Tab) -> None:
    page = ann.go("/memory").page
    page.get_by_role("link", name="Graph").click()
    picture = page.get_by_role("img", name=re.compile(r"Picture of \d+ memories and \d+ names"))
    expect(picture.locator("canvas").first).to_be_attached()
    ann.shoot("memory-graph")
    page.get_by_role("button", name="List", exact=True).press("Enter")
    nodes = page.get_by_role("list", name="Memories and names").get_by_role("button")
    clara = nodes.filter(has=page.get_by_text("Name", exact=True)).filter(has_text="Clara").first
    clara.press("Enter")
    expect(clara).to_have_attribute("aria-pressed", "true")
    chosen = page.get_by_test_id("graph-node")
    expect(chosen).to_contain_text("Mentioned in")
    expect(chosen.get_by_role("button", name=re.compile("hives"))).to_be_visible()
    chosen.get_by_role("button", name="Expand").press("Enter")
    expect(chosen.get_by_role("button", name="All is shown")).to_be_visible()
    before = nodes.count()
    chosen.get_by_role("button", name="Only this").press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+ of \d+ shown$"))).to_be_visible()
    assert nodes.count() < before
    chosen.get_by_role("button", name="Show all again").press("Enter")
    page.get_by_role("searchbox", name="Filter what is shown").fill("hives")
    expect(nodes).to_have_count(1)
    nodes.first.press("Enter")
    chosen.get_by_role("link", name="Open").press("Enter")
    expect(page.get_by_test_id("memory-detail")).to_contain_text("behind the chapel")
    page.get_by_role("link", name="Show in the graph").click()
    expect(page.get_by_test_id("graph-node")).to_contain_text("behind the chapel")


def test_a_trainer_changes_takes_back_and_lets_sleep(
    visit: Visit, web: Web, no_model: None
) -> None:
    client = Client(web, "admin")
    tell(client, *TOLD)
    admin = visit.by("admin").go("/agents")
    page = admin.page
    page.get_by_role("link", name=re.compile("^Train ")).first.click()
    dopamine = page.get_by_role("meter", name="Dopamine")
    expect(dopamine).to_have_attribute("aria-valuenow", "0.4")
    slider = page.get_by_role("slider", name="Serotonin")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.get_by_label("Reason").fill("keeps to the point")
    page.get_by_role("button", name="Apply", exact=True).click()
    changes = page.get_by_test_id("changes")
    expect(changes).to_contain_text("keeps to the point")
    expect(page.get_by_text("Changed.")).to_be_visible()
    raised = float(page.get_by_role("meter", name="Serotonin").get_attribute("aria-valuenow") or 0)
    assert 0.58 < raised <= 0.6
    admin.shoot("training-changed")
    page.get_by_test_id("toast-undo").click()
    expect(page.get_by_text("The newest change was taken back.")).to_be_visible()
    expect(page.get_by_role("meter", name="Serotonin")).to_have_attribute(
        "aria-valuenow", re.compile(r"^0\.5(0\d*)?$")
    )
    expect(changes).to_contain_text("Rolled back")
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("region", name="Levels and weights after each change")
    expect(table.get_by_role("row")).to_have_count(4)

    page.get_by_role("button", name="Start dry run").click()
    expect(page.get_by_role("button", name="Wake it")).to_be_focused()
    wake("memory.sleep")  # beat does it where it runs
    cycle = page.get_by_test_id("sleep-cycle").first
    expect(cycle).to_contain_text("Dry run, finished")
    page.get_by_label("Dry run: only show what would change").uncheck()
    page.get_by_role("button", name="Let it sleep").click()
    expect(page.get_by_role("button", name="Wake it")).to_be_visible()
    wake("memory.sleep")
    expect(cycle).to_contain_text("Slept, finished")
    admin.shoot("training-slept")
    assert len([one for one in remembered(client) if one["kind"] == "episodic"]) == 3


def test_who_may_do_what(visit: Visit, web: Web, ann: Tab, ann_client: Client) -> None:
    agent_id = ann_client.agent_id()
    ann.go(f"/agents/{agent_id}/training")
    expect(ann.page.get_by_text("This page is for those who train agents")).to_be_visible()
    viewer = visit.by("viewer").go("/memory")
    expect(viewer.page.get_by_text("Nothing is remembered yet")).to_be_visible()
    viewer.page.get_by_role("button", name="Acts for all memories").click()
    expect(viewer.page.get_by_role("menuitem", name="Export…")).to_be_visible()
    expect(viewer.page.get_by_role("menuitem", name="Forget everything…")).to_have_count(0)
    # Somebody else's memory is as good as none.
    theirs = remembered(ann_client)[0]["memory_id"]
    bob = visit.by("bob").go(f"/memory/{theirs}")
    expect(bob.page.get_by_text("This memory does not exist")).to_be_visible()


def test_every_state_has_its_words(ann: Tab) -> None:
    page = ann.page
    page.route("**/api/v2/memory/recent*", lambda route: route.fulfill(status=502, body="gone"))
    ann.go("/memory")
    expect(page.get_by_role("alert")).to_contain_text("cannot be read")
    page.unroute("**/api/v2/memory/recent*")
    page.get_by_role("button", name="Try again").click()
    expect(memories(ann)).to_have_count(3)
    page.route("**/api/v2/agents*", lambda route: route.fulfill(status=502, body="gone"))
    ann.go("/memory")
    expect(memories(ann)).to_have_count(3)
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute("**/api/v2/agents*")
    page.get_by_label("Until").fill("2001-01-01")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.route("**/api/v2/memory/*", lambda route: route.fulfill(status=502, body="gone"))
    act_elsewhere = "/memory/00000000-0000-7000-8000-000000000000"
    ann.go(act_elsewhere)
    expect(page.get_by_role("alert")).to_be_visible()


def test_nothing_is_wrong_in_any_theme_and_nothing_overflows(
    visit: Visit, web: Web, no_model: None
) -> None:
    client = Client(web, "admin")
    first, *_ = tell(client, *TOLD, "An unbreakable " + "wordwithoutend" * 20)
    assert client.patch(f"/memory/{first}", {"text": "Clara Stein keeps four hives."}).is_success
    agent_id = client.agent_id()
    pages: list[tuple[str, Callable[[Tab], Any]]] = [
        ("/memory?q=who+is+Clara", lambda tab: memories(tab).first),
        ("/memory?tab=conversations", lambda tab: memories(tab).first),
        (f"/memory/{first}", lambda tab: tab.page.get_by_test_id("replaced")),
        ("/memory/graph", lambda tab: tab.page.locator(".graph__canvas canvas").first),
        (f"/agents/{agent_id}/training", lambda tab: tab.page.get_by_test_id("gauge").first),
    ]
    found = []
    for size in ((1280, 800), NARROW):
        tab = visit.by("admin", size)
        for path, shown in pages:
            tab.go(path)
            expect(shown(tab)).to_be_attached()
            for why in tab.page.get_by_text("Why it was found").all()[:1]:
                why.click()
            if size == NARROW:
                assert tab.page.evaluate(
                    "() => document.documentElement.scrollWidth <= innerWidth"
                    " && document.querySelector('main').scrollWidth <= innerWidth"
                ), path
                tab.shoot(f"narrow{path.split('?')[0].replace('/', '-')[:24]}")
            for theme in THEMES:
                tab.page.evaluate("(t) => { document.documentElement.dataset.theme = t; }", theme)
                found += [f"{path}, {theme}, {size}: {one}" for one in tab.violations()]
    assert not found, "\n".join(found)
