"""The answer when no language model can give one: what was kept, quoted, and how to add a model.

Pure.  Nothing is invented: every sentence about the past is a quotation with its date.  Quoted
text is data: each of its lines stays inside the quotation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from memory.ports import Recalled
from memory.terms import is_question

RescueReason = Literal["no-model", "models-down"]

MAX_QUOTES = 4
_MAX_QUOTE_CHARS = 600
_ASKING = re.compile(
    r"\s*(?:who|whom|whose|what|when|where|why|how|which|do|does|did|is|are|was|were|am|can|could|"
    r"will|would|shall|should|may|might|have|has|had|tell me|remind me|show me|list|find|search|"
    r"summari[sz]e|explain|describe|write|give me)\b",
    re.IGNORECASE,
)
_NOTICES: dict[RescueReason, str] = {
    "no-model": (
        "*No language model is configured, so I can only keep what you tell me and quote it back. "
        "To add a model, open **Models and providers**, or start the server with `OPENAI_API_KEY` "
        "in its environment.*"
    ),
    "models-down": (
        "*Every configured language model is unreachable at the moment, so this answer comes from "
        "memory alone. Please try again in a little while. Under **Models and providers** you can "
        "test each model or add another; an `OPENAI_API_KEY` in the server's environment adds "
        "one too.*"
    ),
}


def answer_from_memory(
    question: str,
    recalled: Sequence[Recalled],
    reason: RescueReason,
    *,
    memory_is_away: bool = False,
) -> str:
    """Return the whole answer in Markdown.

    `recalled`: best first; earlier questions among them are left out, as they answer nothing.
    `memory_is_away`: recall itself was late or failed.
    """
    telling = [item for item in recalled if not is_question(item.text)]
    quotes = [_quote(item) for item in telling[:MAX_QUOTES]]
    opening = _opening(question, len(quotes), memory_is_away=memory_is_away)
    return "\n\n".join([opening, *quotes, _NOTICES[reason]])


def _opening(message: str, quotes: int, *, memory_is_away: bool) -> str:
    """Return the first sentence: what happened to the message, and what follows."""
    asks = is_question(message) or _ASKING.match(message) is not None
    if memory_is_away:
        away = "I could not look into my memory just now."
        return away if asks else f"I have kept that, but {away}"
    if not asks:
        if not quotes:
            return "I have kept that."
        return "I have kept that. Earlier, this was said about it:"
    if not quotes:
        return "I find nothing in my memory that answers this."
    if quotes == 1:
        return "This is what I remember about it:"
    return "This is what I remember about it, the nearest first:"


def _quote(item: Recalled) -> str:
    """Return one block quotation with who said it and when."""
    lines = [f"> {line}".rstrip() for line in _shortened(item.text.strip()).splitlines()]
    who = "you" if item.speaker == "user" else "my answer"
    return "\n".join([*lines, ">", f"> — {who}, {_day(item.said_at)}"])


def _shortened(text: str) -> str:
    """Return `text`, cut at a word when it is long, with an ellipsis where it was cut."""
    if len(text) <= _MAX_QUOTE_CHARS:
        return text
    head = text[:_MAX_QUOTE_CHARS]
    return head[: head.rfind(" ") if " " in head else None].rstrip() + " …"


def _day(said_at: datetime) -> str:
    """Return the UTC date as a reader writes it: 3 March 2026 (UTC)."""
    day = said_at.astimezone(UTC)
    return f"{day.day} {day:%B %Y} (UTC)"
