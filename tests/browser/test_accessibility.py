"""Every page in every state and every theme, looked at by axe-core; themes, motion, width."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import NARROW, Tab, Visit
from tests.support.cast import PASSWORD
from tests.support.models import add_provider
from tests.support.simulator import SimulatedProvider
from tests.support.web import Client, Web, eventually

TITLE = {"when": "Give this conversation a title", "reply": "A short talk"}
EVERYTHING = """\
### A heading

Text with **weight**, `code`, a [link](https://example.org) and $a^2$.

| Left | Right |
|:-----|------:|
| one | 1 |

```python
# a comment
def f(number: int) -> str:
    return f"{number} " + "text" * 3 if number else None
```

> quoted

```mermaid
graph TD
  Start --> Finish
```

Done."""


def faults(tab: Tab, where: str) -> list[str]:
    """What axe finds in each theme."""
    return [f"{where}, {fault}" for fault in tab.violations_in_every_theme()]


@pytest.fixture
def talker(model: SimulatedProvider) -> SimulatedProvider:
    """A model with an answer for each state."""
    return model.script(
        TITLE,
        {"when": "everything", "reply": EVERYTHING},
        {"when": "slowly", "reply": "word " * 400, "gap_ms": 40},
        {"when": "think", "reply": "late", "ttft_ms": 20_000},
        {"when": "break", "reply": "Once upon a time there", "fail": "cut", "after": 3},
        {"when": "fail", "fail": "filter"},
        {"when": ".", "reply": "I hear you."},
    )


def test_the_doors(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    tab = visit.stranger().go("/sign-in")
    page = tab.page
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    found = faults(tab, "sign-in")
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += faults(tab, "sign-in refused")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(tab.field).to_be_visible()
    tab.go("/password")
    expect(page.get_by_role("heading", name="Change password")).to_be_visible()
    found += faults(tab, "password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("a b c d e f g h")
    page.get_by_label("New password again").fill("a b c d e f g i")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The two new passwords differ.")).to_be_visible()
    found += faults(tab, "password mismatch")
    tab.go("/nowhere")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    found += faults(tab, "not found")
    assert not found, "\n".join(found)


def test_the_chat(visit: Visit, web: Web, talker: SimulatedProvider) -> None:
    ann = visit.by("ann").go()
    expect(ann.page.get_by_role("radio", name="Soma")).to_be_checked()
    found = faults(ann, "new conversation")
    ann.ask("everything please")
    expect(ann.words.get_by_role("img", name="Diagram; its source follows.")).to_be_visible()
    expect(ann.words.locator(".hljs-keyword").first).to_be_visible()
    expect(ann.words.locator(".katex")).to_be_visible()
    found += faults(ann, "a full answer")
    question = ann.questions.first
    question.hover()
    question.get_by_role("button", name="Edit message").click()
    found += faults(ann, "editing")
    ann.page.get_by_role("button", name="Send again").click()
    expect(question.get_by_test_id("branch-switcher")).to_be_visible()
    ann.ended()
    ann.answer.get_by_role("button", name="Good answer").click()
    expect(ann.answer.get_by_role("button", name="Good answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    found += faults(ann, "branches and rating")
    ann.say("think first")
    expect(ann.page.get_by_text("is writing…")).to_be_visible()
    found += faults(ann, "typing")
    ann.page.get_by_test_id("stop").click()
    ann.ended("cancelled")
    found += faults(ann, "stopped")
    ann.say("slowly please")
    expect(ann.words).to_contain_text("word word")
    found += faults(ann, "streaming")
    ann.page.keyboard.press("Escape")
    ann.ended("cancelled")
    ann.say("break off")
    ann.ended("failed")
    ann.say("fail at once")
    ann.ended("failed")
    found += faults(ann, "failed")
    ann.page.context.set_offline(True)
    ann.say("waiting here")
    expect(ann.page.get_by_text("You are offline.")).to_be_visible()
    found += faults(ann, "offline")
    ann.page.context.set_offline(False)
    ann.go("/chat/00000000-0000-7000-8000-000000000000")
    expect(ann.page.get_by_text("This conversation does not exist")).to_be_visible()
    found += faults(ann, "missing conversation")
    assert not found, "\n".join(found)


def test_an_answer_from_memory(visit: Visit, web: Web, no_model: None) -> None:
    client = Client(web, "platform")
    client.say(client.conversation("Before"), "My cat is called Minka and eats herring.")
    eventually(lambda: client.get("/memory/recent").json()["items"], "nothing was remembered")
    tab = visit.by("platform").go()
    expect(tab.page.get_by_text("No language model is configured yet.")).to_be_visible()
    found = faults(tab, "new conversation without a model")
    tab.ask("What does my cat eat?")
    remembered = tab.answer.get_by_test_id("recalled")
    expect(remembered).to_contain_text("Remembered from today")
    found += faults(tab, "degraded and remembered")
    remembered.get_by_text("Remembered from today").click()
    expect(remembered).to_contain_text("herring")
    found += faults(tab, "remembered, opened")
    assert not found, "\n".join(found)


def test_the_list(visit: Visit, web: Web, talker: SimulatedProvider) -> None:
    client = Client(web, "ann")
    for title in ("Garden", "Holiday", "Taxes"):
        client.conversation(title)
    client.say(client.conversation("Words"), "A word about lime trees")
    ann = visit.by("ann").go()
    expect(ann.items).to_have_count(4)
    found = faults(ann, "list")
    ann.item("Taxes").hover()
    ann.item("Taxes").get_by_role("button", name="Acts for Taxes").click()
    expect(ann.page.get_by_role("menuitem", name="Rename")).to_be_visible()
    found += faults(ann, "menu")
    ann.page.get_by_role("menuitem", name="Rename").click()
    found += faults(ann, "renaming")
    ann.page.keyboard.press("Escape")
    ann.act("Taxes", "Delete")
    expect(ann.page.get_by_test_id("toast-undo")).to_be_visible()
    found += faults(ann, "undo offered")
    ann.page.locator(".account").click()
    expect(ann.page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    found += faults(ann, "account menu")
    ann.page.keyboard.press("Escape")
    ann.search.fill("lime")
    expect(ann.items.locator("mark").first).to_be_visible()
    found += faults(ann, "search")
    ann.search.fill("elephants")
    expect(ann.page.get_by_text("Nothing found")).to_be_visible()
    found += faults(ann, "nothing found")
    ann.search.fill("")
    ann.page.get_by_role("button", name="Archived").click()
    expect(ann.page.get_by_text("The archive is empty")).to_be_visible()
    found += faults(ann, "empty archive")
    assert not found, "\n".join(found)


def test_the_pages_of_administrators(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    admin = visit.by("admin").go("/agents")
    expect(admin.page.get_by_role("heading", name="Soma")).to_be_visible()
    found = faults(admin, "agents")
    admin.page.get_by_role("link", name="Edit Soma").click()
    expect(admin.page.get_by_label("Name")).to_be_focused()
    found += faults(admin, "agent form")
    admin.page.get_by_label("Name").fill("")
    admin.page.get_by_role("button", name="Save").click()
    found += faults(admin, "agent form, incomplete")
    admin.go("/platform/providers")
    expect(admin.page.get_by_text("This page is for administrators")).to_be_visible()
    found += faults(admin, "providers, not allowed")

    add_provider(web, "http://127.0.0.1:9/v1", "Nobody there")
    platform = visit.by("platform").go("/platform/providers")
    page = platform.page
    expect(page.get_by_role("region", name="Simulator")).to_be_visible()
    found += faults(platform, "providers")
    for name in ("Simulator", "Nobody there"):
        page.get_by_role("region", name=name).get_by_role("button", name="Test").click()
    expect(page.get_by_text("It works:")).to_be_visible()
    expect(page.get_by_text("The provider cannot be reached")).to_be_visible()
    found += faults(platform, "providers, tested")
    page.get_by_role("region", name="Nobody there").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found += faults(platform, "removal")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Add a provider").click()
    page.get_by_role("button", name="Add a model").click()
    found += faults(platform, "provider form")
    assert not found, "\n".join(found)


def test_a_viewer_and_a_page_that_fails(visit: Visit, web: Web, model: SimulatedProvider) -> None:
    viewer = visit.by("viewer").go()
    expect(viewer.field).to_be_disabled()
    found = faults(viewer, "read only")
    viewer.page.route("**/api/v2/agents*", lambda route: route.fulfill(status=502, body="gone"))
    viewer.go("/agents")
    expect(viewer.page.get_by_role("alert")).to_be_visible()
    found += faults(viewer, "page with a problem")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("system", "theme"),
    [
        ({"color_scheme": "light"}, "light"),
        ({"color_scheme": "dark"}, "dark"),
        ({"color_scheme": "dark", "contrast": "more"}, "contrast"),
    ],
)
def test_the_theme_follows_the_system(
    visit: Visit, model: SimulatedProvider, system: dict[str, str], theme: str
) -> None:
    tab = visit.stranger(**system).go("/sign-in")
    expect(tab.page.locator("html")).to_have_attribute("data-theme", theme)


def test_the_chosen_theme_is_kept(visit: Visit, model: SimulatedProvider) -> None:
    ann = visit.by("ann").go()
    for name, theme in (("high contrast", "contrast"), ("dark", "dark"), ("light", "light")):
        ann.account(f"Theme: {name}")
        expect(ann.page.locator("html")).to_have_attribute("data-theme", theme)
        ann.page.reload()
        expect(ann.page.locator("html")).to_have_attribute("data-theme", theme)
        expect(ann.page.get_by_role("radio", name="Soma")).to_be_visible()
        ann.shoot(f"theme-{theme}")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_those_who_asked_for_stillness(
    visit: Visit, talker: SimulatedProvider, motion: str
) -> None:
    ann = visit.by("ann", reduced_motion=motion).go().say("think first")
    expect(ann.page.get_by_text("is writing…")).to_be_visible()
    moving = ann.page.evaluate(
        "() => document.getAnimations().filter((one) => one.playState === 'running'"
        " && one.effect.getComputedTiming().activeDuration > 0).length"
    )
    assert (moving == 0) == (motion == "reduce")
    ann.page.get_by_test_id("stop").click()
    ann.ended("cancelled")


def test_no_page_scrolls_sideways_at_320_pixels(
    visit: Visit, web: Web, talker: SimulatedProvider
) -> None:
    client = Client(web, "platform")
    client.conversation("A-title-of-one-very-long-word-" * 5)
    client.say(client.conversation("Full"), "everything and " + "unbreakable" * 20)
    conversation = client.get("/chat/conversations").json()["items"][0]["id"]
    tab = visit.by("platform", NARROW)
    page = tab.page

    def fits() -> bool:
        return bool(
            page.evaluate(
                "() => document.documentElement.scrollWidth <= innerWidth"
                " && document.querySelector('main').scrollWidth <= innerWidth"
            )
        )

    seen: list[tuple[str, Callable[[], None]]] = [
        (f"/chat/{conversation}", lambda: expect(tab.words).to_contain_text("Done.")),
        ("/chat", lambda: expect(page.get_by_role("radio", name="Soma")).to_be_visible()),
        ("/agents/new", lambda: expect(page.get_by_label("Instructions")).to_be_visible()),
        ("/agents", lambda: expect(page.get_by_role("heading", name="Soma")).to_be_visible()),
        ("/platform/providers", lambda: expect(page.get_by_text("scripted")).to_be_visible()),
        ("/password", lambda: expect(page.get_by_label("Current password")).to_be_visible()),
    ]
    for path, shown in seen:
        tab.go(path)
        shown()
        assert fits(), path
        tab.shoot(f"narrow{path.split(conversation)[0].rstrip('/').replace('/', '-')}")
    tab.go()
    opener = page.get_by_role("button", name="Open the list of conversations")
    opener.click()
    expect(tab.item("Full")).to_be_visible()
    assert fits()
    assert not tab.violations()
    tab.shoot("narrow-drawer")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    tab.item("Full").click()
    expect(tab.words).to_contain_text("Done.")
    expect(page.get_by_role("link", name="New conversation", exact=True)).not_to_be_in_viewport()
    assert not tab.violations()
    tab.say("I hear")
    expect(tab.words).to_have_text("I hear you.")
