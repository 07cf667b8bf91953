"""A conversation's title: by the model, or from the first words when there is none."""

import re
from uuid import UUID

from chat.turns.asking import ask
from gateway.facade import ModelError, Timeouts
from kernel.actor import Scope
from kernel.errors import SomaError

MAX_WORDS = 8
MAX_CHARS = 80
MAX_TOKENS = 24
_EXCERPT_CHARS = 1000
_PROMPT = (
    "Give this conversation a title of at most six words, in the language of the person. "
    "Answer with the title alone: no quotation marks, no full stop.\n\n"
    "Person: {question}\n\nAssistant: {answer}"
)


async def make(
    scope: Scope, model_id: UUID | None, question: str, answer: str, *, usable: bool
) -> str:
    """A title. `usable` false: do not ask a model. Never raises for a model's failure."""
    if usable:
        try:
            asked = await _ask(scope, model_id, question, answer)
        except (ModelError, SomaError, TimeoutError):
            asked = ""
        if asked:
            return asked
    return from_words(question)


def from_words(text: str) -> str:
    """The first words of the text, cut at a word."""
    words = _plain(text).split()
    title = " ".join(words[:MAX_WORDS])
    if len(title) > MAX_CHARS:
        title = title[:MAX_CHARS].rsplit(" ", 1)[0]
    elif len(words) > MAX_WORDS:
        title += " …"
    return title or "Conversation"


async def _ask(scope: Scope, model_id: UUID | None, question: str, answer: str) -> str:
    prompt = _PROMPT.format(question=question[:_EXCERPT_CHARS], answer=answer[:_EXCERPT_CHARS])
    timeouts = Timeouts(first_token_s=15.0, idle_s=10.0, total_s=20.0)
    found = await ask(scope, model_id, prompt, max_tokens=MAX_TOKENS, timeouts=timeouts)
    title = _plain(found).strip("\"'“”«».")
    words = title.split()
    return " ".join(words[: MAX_WORDS * 2])[:MAX_CHARS]


def _plain(text: str) -> str:
    return re.sub(r"[#*_`>\[\]]+", "", " ".join(text.split())).strip()
