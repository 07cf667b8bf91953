"""The page of events: what waits by topic, dead letters with their cause, replay and discard."""

from playwright.sync_api import expect

from kernel import clock, events
from kernel.db import platform_unit, unit_of_work
from kernel.ids import uuid7
from kernel.models import OutboxEvent
from saas.models import AuditEntry
from tests.support.browser import NARROW, Visit
from tests.support.cast import Cast


def dead_letters(cast: Cast, count: int, reason: str) -> list[str]:
    """Of turns that are gone: whoever tries again, they are delivered and do nothing."""
    turn = {name: str(uuid7()) for name in ("turn_id", "conversation_id", "agent_id", "user_id")}
    payload = {**turn, "state": "done", "user_message_id": None, "message_id": None}
    with unit_of_work(cast.acme):
        return [
            str(OutboxEvent.objects.create(
                type="chat.turn_finished", version=1, key=f"k{number}", parked=True,
                payload=payload, dead_at=clock.now(), last_error=reason, attempts=5,
            ).id)
            for number in range(count)
        ]  # fmt: skip


def audited(action: str) -> list[tuple[str, object]]:
    with platform_unit("test"):
        rows = AuditEntry.objects.filter(action=action).order_by("id")
        return [(row.object_id, row.after) for row in rows]


def test_an_admin_sees_dead_letters_tries_one_again_discards_one_and_tries_the_rest(
    visit: Visit, cast: Cast
) -> None:
    ids = dead_letters(cast, 3, "Hiccup")
    tab = visit.by("platform").go("/platform/events")
    page = tab.page
    letters = page.get_by_test_id("letters").locator("[data-letter]")
    expect(letters).to_have_count(3)
    chat = page.locator('[data-topic="chat"] td')
    expect(chat.last).to_have_text("3")
    topics = page.get_by_test_id("topics").locator("tbody tr")
    expect(topics).to_have_count(len(events.topics()))
    expect(letters.first).to_contain_text("Hiccup")
    expect(letters.first).to_contain_text("after 5 tries")
    expect(page.locator("main")).not_to_contain_text("user_message_id")
    expect(page.get_by_test_id("delivery")).to_contain_text("3 events gave up")
    assert tab.violations() == []
    tab.shoot("events-page")

    newest = page.locator(f'[data-letter="{ids[2]}"]')
    newest.get_by_role("button", name="Discard").click()
    dialog = page.get_by_test_id("discard-dialog")
    expect(dialog.get_by_role("button", name="Discard for ever")).to_be_disabled()
    assert tab.violations() == []
    dialog.get_by_label("Reason").fill("of a version that is gone")
    dialog.get_by_role("button", name="Discard for ever").click()
    expect(newest).to_have_count(0)
    assert audited("event.discarded") == [(ids[2], {"reason": "of a version that is gone"})]

    page.locator(f'[data-letter="{ids[1]}"]').get_by_role("button", name="Try").click()
    expect(page.get_by_text("One event is tried again.")).to_be_visible()
    expect(chat.last).to_have_text("1")
    assert audited("event.replayed") == [(ids[1], None)]
    page.get_by_role("button", name="Try it again").click()
    expect(page.get_by_test_id("no-letters")).to_be_visible()
    assert [one for one, _ in audited("event.replayed")] == [ids[1], ids[0]]
    expect(page.get_by_test_id("delivery")).not_to_contain_text("gave up")


def test_the_page_fits_a_phone_and_is_for_platform_admins_alone(visit: Visit, cast: Cast) -> None:
    dead_letters(cast, 1, "Hiccup")
    tab = visit.by("platform", size=NARROW).go("/platform/events")
    expect(tab.page.get_by_test_id("letters")).to_contain_text("Hiccup")
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.shoot("events-page-narrow")
    member = visit.by("ann").go("/platform/events")
    expect(member.page.get_by_text("This page is for administrators")).to_be_visible()
    expect(member.page.get_by_test_id("letters")).to_have_count(0)
