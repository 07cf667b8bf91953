"""What an answer looks like: Markdown, code, formulas, diagrams, length; and what it may not do."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Tab, Visit
from tests.support.simulator import SimulatedProvider

TITLE = {"when": "Give this conversation a title", "reply": "A picture book"}
MARKDOWN = """\
## Two ways

Some **bold**, some *leaning*, some `inline`, and a [link](https://example.org/a).

| Fruit | Price |
|:------|------:|
| Apple | 1.20 |
| Pear | 2.40 |

1. first
2. second

> a quotation

- [x] done
- [ ] open
"""
CODE = """\
Here it is:

```python
def greet(name: str) -> str:
    # friendly
    return f"Hello, {name}"
```

That was it."""
HOSTILE = """\
<script>window.stolen = 1</script>
<img src=x onerror="window.stolen = 2">
<svg onload="window.stolen = 3"></svg>
<iframe srcdoc="<script>parent.stolen = 4</script>"></iframe>
<form action="https://evil.example"><input name=password></form>

[press me](javascript:window.stolen=5) and [me](data:text/html,<script>1</script>)
and [JAVASCRIPT](jAvAsCrIpT:window.stolen=6) and <javascript:window.stolen=7>

![picture](https://evil.example/pixel.png) ![p](x" onerror="window.stolen=8)

| <b onclick="window.stolen=9">cell</b> |
|---|
| <a href="javascript:window.stolen=10">x</a> |

```html
<script>window.stolen = 11</script>
```

```"><img/src=x/onerror=window.stolen=12>
odd language
```

$\\href{javascript:window.stolen=13}{x}$ and $\\htmlStyle{background:url(//evil.example)}{y}$

```mermaid
graph TD
    A["<img src=x onerror='window.stolen=14'>press"] --> B
    click A href "javascript:window.stolen=15"
    click B call steal()
```

The end."""
# The page's own policy says 'self'.
FRAME_POLICY = "script-src http://127.0.0.1:"
LONG = "\n\n".join(
    f"Paragraph {number}: the quick brown fox jumps over the lazy dog, again and again."
    for number in range(260)
)


@pytest.fixture
def reader(visit: Visit, model: SimulatedProvider) -> Tab:
    """Ann, before a model that knows one answer for each of the texts above."""
    model.script(
        TITLE,
        {"when": "markdown", "reply": MARKDOWN},
        {"when": "code", "reply": CODE},
        {"when": "hostile", "reply": HOSTILE},
        {"when": "long", "reply": LONG},
        {"when": "formula", "reply": "Inline $a^2 + b^2$ and\n\n$$\\int_0^1 x\\,dx$$\n\nfor $5."},
        {"when": "diagram", "reply": "```mermaid\ngraph TD\n  Start --> Finish\n```\n\nSee?"},
        {"when": "broken", "reply": "```mermaid\ngraph ((((\n```\n\nWell."},
    )
    return visit.by("ann").go()


def test_markdown_becomes_a_page(reader: Tab) -> None:
    reader.ask("markdown please")
    words = reader.words
    expect(words.get_by_role("heading", name="Two ways")).to_be_visible()
    expect(words.locator("strong")).to_have_text("bold")
    expect(words.locator("em")).to_have_text("leaning")
    expect(words.get_by_role("columnheader")).to_have_text(["Fruit", "Price"])
    expect(words.get_by_role("cell")).to_have_text(["Apple", "1.20", "Pear", "2.40"])
    prices = words.get_by_role("cell", name="2.40")
    expect(prices).to_have_css("text-align", "end")
    expect(words.get_by_role("list").first.get_by_role("listitem")).to_have_text(
        ["first", "second"]
    )
    expect(words.locator("blockquote")).to_contain_text("a quotation")
    link = words.get_by_role("link", name="link")
    expect(link).to_have_attribute("href", "https://example.org/a")
    # The other page must learn nothing of this one.
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    reader.shoot("content-markdown")


def test_code_is_coloured_and_copied_exactly(reader: Tab) -> None:
    reader.ask("code please")
    block = reader.words.get_by_role("region", name="Code, python")
    expect(block.locator(".hljs-keyword").first).to_have_text("def")
    expect(block.locator(".hljs-comment")).to_have_text("# friendly")
    reader.words.get_by_role("button", name="Copy code").click()
    expect(reader.words.get_by_role("button", name="Copied")).to_be_visible()
    copied = reader.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == CODE.partition("```python\n")[2].partition("```")[0]
    reader.answer.get_by_role("button", name="Copy message").click()
    expect(reader.answer.get_by_role("button", name="Copied", exact=True).last).to_be_visible()
    assert reader.page.evaluate("() => navigator.clipboard.readText()") == CODE
    reader.shoot("content-code")


def test_formulas_are_typeset_and_prices_are_not(reader: Tab) -> None:
    reader.ask("a formula please")
    expect(reader.words.locator(".katex").first).to_be_visible()
    expect(reader.words.locator("math")).to_have_count(2)
    expect(reader.words.locator(".katex-display")).to_be_visible()
    expect(reader.words).to_contain_text("for $5.")
    fonts = "() => [...document.fonts].some((f) => f.family.startsWith('KaTeX') && f.status === "
    reader.page.wait_for_function(fonts + "'loaded')")
    reader.shoot("content-math")


def test_a_diagram_is_drawn_and_its_source_stays_within_reach(reader: Tab) -> None:
    reader.ask("a diagram please")
    picture = reader.words.get_by_role("img", name="Diagram; its source follows.")
    expect(picture).to_be_visible()
    size = picture.bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) > 40
    assert reader.page.evaluate("() => document.querySelector('.diagram img').naturalWidth > 0"), (
        "the picture is empty"
    )
    reader.words.get_by_text("Source of the diagram").click()
    expect(reader.words).to_contain_text("Start --> Finish")
    reader.shoot("content-diagram")


def test_a_diagram_that_cannot_be_drawn_shows_its_source_and_says_so(reader: Tab) -> None:
    reader.ask("a broken one please")
    expect(reader.words).to_contain_text("This diagram could not be drawn")
    expect(reader.words).to_contain_text("graph ((((")


def test_a_very_long_answer_is_complete_and_one_can_read_above_while_it_grows(
    reader: Tab, model: SimulatedProvider
) -> None:
    assert len(LONG) > 20_000
    model.script(TITLE, {"when": "long", "reply": LONG, "gap_ms": 1, "fail": "no-limit"})
    reader.say("something long please")
    expect(reader.words).to_contain_text("Paragraph 60:")
    thread = reader.page.get_by_role("region", name="Messages")
    thread.hover()
    reader.page.mouse.wheel(0, -1200)
    jump = reader.page.get_by_role("button", name="Jump to the newest message")
    expect(jump).to_be_visible()
    place = thread.evaluate("(box) => box.scrollTop")
    reader.ended()
    # What is being read must not run away from the reader.
    assert abs(thread.evaluate("(box) => box.scrollTop") - place) <= 1200
    jump.click()
    expect(reader.words.get_by_text("Paragraph 259:")).to_be_in_viewport()
    shown = reader.words.locator("p").all_inner_texts()
    assert "\n\n".join(shown) == LONG
    reader.page.reload()
    expect(reader.words.get_by_text("Paragraph 259:")).to_be_in_viewport()


def test_a_hostile_answer_is_inert(reader: Tab, visit: Visit) -> None:
    """Neither while it streams nor afterwards does anything of it run, load or navigate."""
    requests: list[str] = []
    reader.page.on("request", lambda request: requests.append(request.url))
    reader.ask("hostile please")
    expect(reader.words).to_contain_text("The end.")
    expect(reader.words.get_by_role("img", name="Diagram; its source follows.")).to_be_visible()
    links = reader.words.get_by_role("link")
    for target in links.evaluate_all("(all) => all.map((one) => one.href)"):
        assert target.startswith("https://"), target
    for tag in ("script", "iframe", "form", "object", "embed", "input", "style"):
        assert reader.words.locator(tag).count() == 0, tag
    handlers = reader.words.evaluate(
        "(root) => [...root.querySelectorAll('*')].flatMap((one) => [...one.attributes])"
        ".map((one) => one.name).filter((name) => name.startsWith('on'))"
    )
    assert handlers == []
    reader.words.get_by_text("press me").click()
    reader.words.get_by_role("img", name="Diagram; its source follows.").click()
    reader.page.reload()
    expect(reader.words).to_contain_text("The end.")
    expect(reader.words.get_by_role("img", name="Diagram; its source follows.")).to_be_visible()
    assert reader.page.evaluate("() => window.stolen") is None
    foreign = [url for url in requests if not url.startswith((reader.base, "data:", "ws:"))]
    assert foreign == []
    # Mermaid tries the handlers of its labels; the policy of its own frame refuses them there.
    refused_in_frame = f"violates the following Content Security Policy directive '{FRAME_POLICY}"
    visit.faults[:] = [one for one in visit.faults if refused_in_frame not in one]


def test_what_the_person_writes_is_shown_as_written(reader: Tab) -> None:
    reader.ask("code <b>bold</b> **stars** <script>window.stolen = 1</script>")
    expect(reader.questions.first).to_contain_text("<b>bold</b> **stars** <script>")
    assert reader.page.evaluate("() => window.stolen") is None
