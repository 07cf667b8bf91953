"""What was hidden comes back word for word, however the answer is cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat.privacy.placeholders import Placeholders, Restorer, Span

texts = st.text(st.sampled_from("abcdé <>_PERSON12345"), max_size=60)


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Span]]:
    """A text and spans in it, overlapping ones too."""
    text = draw(texts)
    ends = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=6))
    kinds = st.sampled_from(["PERSON", "EMAIL_ADDRESS", "IBAN_CODE"])
    spans = [
        Span(min(pair), max(pair), draw(kinds), draw(st.floats(0.4, 1)))
        for pair in pairs
        if pair[0] != pair[1]
    ]
    return text, spans


@given(request=st.lists(marked(), max_size=5))
def test_a_request_comes_back_word_for_word(request: list[tuple[str, list[Span]]]) -> None:
    words = Placeholders([text for text, _ in request])
    hidden = [words.hide(text, spans) for text, spans in request]
    back = words.restorer()
    assert [back.whole(text) for text in hidden] == [text for text, _ in request]


@given(request=marked(), cuts=st.lists(st.integers(0, 200), max_size=12), extra=texts)
def test_an_answer_in_pieces_is_the_same_as_in_one(
    request: tuple[str, list[Span]], cuts: list[int], extra: str
) -> None:
    text, spans = request
    words = Placeholders([text])
    answer = words.hide(text, spans) + extra
    places = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    back = words.restorer()
    pieces = [answer[start:end] for start, end in pairwise(places)]
    said = "".join([*(back.feed(piece) for piece in pieces), back.rest()])
    assert said == words.restorer().whole(answer)


def test_the_same_words_have_the_same_placeholder_and_others_another() -> None:
    words = Placeholders()
    span = [Span(0, 3, "PERSON")]
    assert words.hide("Ann", span) == words.hide("Ann", span) == "<PERSON_1>"
    assert words.hide("Bob", span) == "<PERSON_2>"


def test_what_a_text_held_already_is_not_replaced_on_the_way_back() -> None:
    words = Placeholders(["write <PERSON_1>", "Ann"])
    assert words.hide("Ann", [Span(0, 3, "PERSON")]) == "<PERSON_2>"
    assert words.restorer().whole("<PERSON_1>, <PERSON_2>") == "<PERSON_1>, Ann"


def test_a_placeholder_cut_at_every_letter_is_held_back_and_nothing_else_is() -> None:
    back = Restorer({"<PERSON_1>": "Ann", "<PERSON_12>": "Bob"})
    said = [back.feed(letter) for letter in "a<b <PERSON_12>!"]
    assert said[:4] == ["a", "", "<b", " "]
    assert "".join(said) == "a<b Bob!"
    assert back.feed("see <PERS") == "see "
    assert back.rest() == "<PERS"
    longer = Restorer({"<PERSON_1>": "Ann", "<EMAIL_ADDRESS_1>": "ann@example.org"})
    assert longer.feed("<EMAIL_ADDRESS_1><PERSON_1>") == "ann@example.orgAnn"
