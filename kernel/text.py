"""Text from outside, made safe to store: PostgreSQL refuses NUL, UTF-8 refuses lone surrogates."""

from kernel.errors import Unprocessable


class UnstorableText(Unprocessable):
    """The text holds characters that cannot be stored."""

    code, title = "unstorable-text", "The text has characters that cannot be kept"


def checked(text: str, pointer: str) -> str:
    """`text` itself when storable. Raises: UnstorableText naming the JSON `pointer`."""
    if "\x00" in text:
        raise UnstorableText(
            "It contains a NUL character. Nothing was kept; remove it and send again.",
            errors=[{"pointer": pointer, "detail": "contains NUL"}],
        )
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise UnstorableText(
            "It contains half of a surrogate pair. Nothing was kept; send valid Unicode.",
            errors=[{"pointer": pointer, "detail": "contains a lone surrogate"}],
        ) from exc
    return text


def as_like(text: str) -> str:
    """`text` as a pattern of SQL's LIKE that matches it alone, without its signs for anything."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def scrubbed(text: str) -> str:
    """`text` with what cannot be stored replaced (for what a model wrote, not a person)."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
