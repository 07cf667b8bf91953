"""Token counts against the tokenizers themselves: what is likely, and what is never exceeded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import tokenizers
from gateway.facade import Endpoint, bound_tokens, counter_of, estimate_tokens, is_estimated
from gateway.ports import NO_SECRET

ENCODINGS = ("cl100k_base", "o200k_base")
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=500)
# What people write: the estimate has to be an upper one for the newer encoding.
PROSE = {
    "en": "Last summer we visited the old mill by the lake where my grandmother was born.",
    "de": "Die Straßenbahn fährt täglich um halb acht nach Königstein, außer sonntags.",
    "fr": "L'été dernier, nous avons visité le château près de la forêt de ma grand-mère.",
    "ru": "Вчера вечером мы гуляли по берегу озера и говорили о детстве.",
    "ar": "مشينا مساء أمس على شاطئ البحر وتحدثنا عن طفولتنا.",
    "hi": "कल शाम हम समुद्र के किनारे टहले और अपने बचपन के बारे में बात की।",
    "zh": "昨天傍晚我们在海边散步，谈论我们的童年，那时一切都更简单。",
    "ja": "昨日の夕方、私たちは海辺を散歩し、子供時代について話しました。",
    "code": "def total(items: list[int]) -> int:\n    return sum(item for item in items if item)\n",
}


def endpoint(model: str) -> Endpoint:
    return Endpoint("", NO_SECRET, "openai", model)


def counter(encoding: str) -> tokenizers.Count:
    count = tokenizers._counter(encoding)
    assert count is not None, "the encoding's data is not in the environment"
    return count


@settings(deadline=None)  # loading an encoding takes half a second
@given(text=texts, encoding=st.sampled_from(ENCODINGS))
def test_no_text_has_more_tokens_than_the_bound(text: str, encoding: str) -> None:
    assert counter(encoding)(text) <= bound_tokens(text)
    assert estimate_tokens(text) <= bound_tokens(text)


@settings(deadline=None)
@given(texts=st.lists(texts, max_size=8))
def test_pieces_that_are_counted_one_by_one_bound_the_whole(texts: list[str]) -> None:
    assert counter("o200k_base")("".join(texts)) <= sum(bound_tokens(text) for text in texts)


@pytest.mark.parametrize("language", PROSE)
def test_the_estimate_is_an_upper_one_for_what_people_write(language: str) -> None:
    text = PROSE[language] * 5
    assert counter("o200k_base")(text) <= estimate_tokens(text)


def test_a_text_of_any_length_is_counted_in_pieces() -> None:
    text = "a" * 100_000
    assert 0 < counter("o200k_base")(text) <= bound_tokens(text)


def test_by_default_nothing_is_loaded_and_tokens_are_estimated() -> None:
    assert is_estimated(endpoint("gpt-4o"))
    assert counter_of(endpoint("gpt-4o")) is estimate_tokens


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("openai/gpt-4o", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("claude-sonnet-4-5", None),
        ("llama-3.3-70b-versatile", None),
    ],
)
def test_a_model_is_counted_by_its_own_encoding_where_it_is_known(
    model: str, encoding: str | None, exact: None
) -> None:
    assert tokenizers.encoding_of(endpoint(model)) == encoding
    wanted = tokenizers._counter(encoding) if encoding else estimate_tokens
    assert counter_of(endpoint(model)) is wanted


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings as django_settings

    changed = django_settings.SOMA.model_copy(update={"token_counts": "exact"})
    monkeypatch.setattr(django_settings, "SOMA", changed)
