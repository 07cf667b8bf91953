"""Counting tokens as a model does, where its tokenizer is known: OpenAI's families, by tiktoken.

Off unless `SA01_TOKEN_COUNTS=exact`, since a loaded encoding takes 50 to 75 MB and half a second.
tiktoken would fetch an encoding's data over the network; LiteLLM ships it, so nothing is fetched.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import structlog
from django.conf import settings

from gateway.ports import Endpoint
from gateway.tokens import estimate_tokens

Count = Callable[[str], int]
# Encodings, and the name of the file in which tiktoken looks for their data (a digest of its URL).
_FILES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
# Longer texts are counted in pieces: a run without spaces costs the square of its length.
PIECE_CHARS = 8_000
# Messages do not change, and the same ones come back with every turn.
KEPT_COUNTS = 8_192
# Where a provider serves models of others, the maker's name stands before the model's.
_MAKER = "openai/"
_loading = Lock()

log = structlog.get_logger(__name__)


def counter_of(endpoint: Endpoint) -> Count:
    """Tokens of a text as this model counts them, or the estimate. Loads on the first call.

    Blocks for half a second then: call it on a thread where `is_estimated` is false.
    """
    name = encoding_of(endpoint)
    return (_counter(name) or estimate_tokens) if name else estimate_tokens


def is_estimated(endpoint: Endpoint) -> bool:
    """Whether tokens of this model are estimated."""
    return encoding_of(endpoint) is None


def encoding_of(endpoint: Endpoint) -> str | None:
    """The name of the model's encoding; None where it is not known or not wanted."""
    if settings.SOMA.token_counts == "estimated":  # noqa: S105  # no password
        return None
    from tiktoken.model import encoding_name_for_model

    try:
        name: str = encoding_name_for_model(endpoint.model.removeprefix(_MAKER))
    except KeyError:
        return None
    return name if name in _FILES else None


def _counter(name: str) -> Count | None:
    with _loading:
        return _load(name)


@lru_cache(maxsize=len(_FILES))
def _load(name: str) -> Count | None:
    data = _data_directory()
    if data is None or not (data / _FILES[name]).is_file():
        # Better an estimate than a turn that waits for a download.
        log.warning("gateway.no_tokenizer_data", encoding=name)
        return None
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(data))
    import tiktoken

    encoding = tiktoken.get_encoding(name)

    @lru_cache(maxsize=KEPT_COUNTS)
    def count(text: str) -> int:
        starts = range(0, len(text), PIECE_CHARS)
        return sum(len(encoding.encode_ordinary(text[at : at + PIECE_CHARS])) for at in starts)

    return count


def _data_directory() -> Path | None:
    own = os.environ.get("TIKTOKEN_CACHE_DIR")
    if own:
        return Path(own)
    # Found without importing it: that takes 200 MB.
    found = find_spec("litellm")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"
