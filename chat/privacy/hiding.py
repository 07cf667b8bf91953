"""A request without its personal data, and the way back."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from chat.privacy.placeholders import Placeholders, Restorer
from chat.privacy.recognising import find
from gateway.facade import (
    Finished,
    Message,
    ModelError,
    ModelRequest,
    StreamEvent,
    TextDelta,
    TextPart,
    Usage,
)

# So that a model repeats them as they are instead of explaining them.
NOTE = (
    "Words such as <PERSON_1> stand for personal data that was taken out. Use them as they are "
    "wherever you mean that data; do not comment on them."
)


def hidden(texts: Sequence[str]) -> tuple[list[str], Restorer | None]:
    """The texts with placeholders; None: there was nothing to hide. Blocks.

    Raises: PrivacyNotInstalled.
    """
    words = Placeholders(texts)
    changed = [words.hide(text, find(text)) for text in texts]
    return changed, words.restorer() if changed != list(texts) else None


def hide(request: ModelRequest) -> tuple[ModelRequest, Restorer | None]:
    """The request with placeholders and a note on them. Blocks. Raises: PrivacyNotInstalled."""
    texts, restorer = hidden([message.text for message in request.messages])
    if restorer is None:
        return request, None
    messages = [
        Message.of_text(message.role, text)
        for message, text in zip(request.messages, texts, strict=True)
    ]
    if messages[0].role == "system":
        messages[0] = Message("system", (TextPart(f"{messages[0].text}\n\n{NOTE}"),))
    else:
        messages.insert(0, Message.of_text("system", NOTE))
    return replace(request, messages=tuple(messages)), restorer


async def restored(
    events: AsyncGenerator[StreamEvent, None], restorer: Restorer
) -> AsyncGenerator[StreamEvent, None]:
    """The stream with the words back, whatever the pieces are."""
    async with aclosing(events):
        try:
            async for event in events:
                if isinstance(event, TextDelta):
                    if text := restorer.feed(event.text):
                        yield TextDelta(text)
                    continue
                if isinstance(event, Usage | Finished) and (text := restorer.rest()):
                    yield TextDelta(text)
                yield event
        except ModelError:
            # What was said before it broke off is kept.
            if text := restorer.rest():
                yield TextDelta(text)
            raise
