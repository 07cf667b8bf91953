"""What people say and ask: sentences without end, each said once, with a question in other words.

Pure. A number always gives the same fact.
"""

import random
from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words(
    "Ada Bruno Clara Darius Elif Fatou Goran Hanna Ilse Jamal Katya Luis Mirela Nils Oana Piotr "
    "Quentin Rosa Samir Tove Ugo Vera Wim Xenia Yusuf Zofia Amara Benoit Chiara Dmitri"
)
_LAST = _words(
    "Abelson Barta Castell Dufour Eriksen Farkas Grieg Halvorsen Ibarra Jansen Kowalski Lindqvist "
    "Moreau Novak Okafor Petrov Quiroga Rasmussen Santos Tanaka Ulrich Varga Weiss Yilmaz Zeman"
)
_PLACE = _words(
    "Lisbon Porto Gdansk Malmo Trieste Ghent Split Tampere Bergen Cadiz Kosice Leipzig Nantes Pecs "
    "Riga Sibiu Tartu Utrecht Varna Zadar"
)
_MONTH = _words(
    "January February March April May June July August September October November December"
)
# (what is said, what is asked): the question shares little more than the name.
_SHAPES = (
    (
        "{who} keeps {count} {colour} hens behind the house in {place} since {month}.",
        "How much poultry does {who} own?",
    ),
    (
        "{who} moved the weekly stand-up of the {colour} team to half past {hour}.",
        "When do the people around {who} meet now?",
    ),
    (
        "{who} broke the left wrist while skiing near {place} in {month}.",
        "What injury did {who} have on holiday in the mountains?",
    ),
    (
        "{who} drives an old {colour} Volvo that an uncle in {place} left behind.",
        "What car does {who} have?",
    ),
    (
        "{who} pays {count}50 euros of rent a month for the flat in {place}.",
        "How expensive is the apartment where {who} lives?",
    ),
    (
        "{who} started to learn the cello in {month} with a teacher from {place}.",
        "Which musical instrument is {who} studying?",
    ),
    (
        "{who} is allergic to peanuts; even traces made trouble in {place} in {month}.",
        "Which food must {who} avoid?",
    ),
    (
        "The invoice {count}{hour}7 of {who} was paid in {month} after two reminders.",
        "Did the bill of {who} get settled?",
    ),
    (
        "{who} wants the brochure printed on {colour} recycled paper before {month}.",
        "What does {who} demand about the material of the leaflet?",
    ),
    (
        "{who} married in {place} in {month}, with {count} guests under {colour} lanterns.",
        "Where was the wedding of {who}?",
    ),
    (
        "The database that {who} looks after runs on db-{count}.{place} and is backed up nightly.",
        "Which machine hosts the data of {who}?",
    ),
    (
        "{who} reads crime novels on the night train to {place} and sleeps badly after them.",
        "What kind of books does {who} like?",
    ),
)
_COLOURS = ("grey", "green", "brown", "speckled", "amber", "violet", "white", "copper")


@dataclass(frozen=True, slots=True)
class Fact:
    """What is said, the question that it answers, and the name that occurs in both."""

    said: str
    asked: str
    who: str


def fact(number: int) -> Fact:
    """The fact of this number; the names repeat after some 750, the sentences practically never."""
    dice = random.Random(number)
    said, asked = _SHAPES[number % len(_SHAPES)]
    words = {
        "who": f"{dice.choice(_FIRST)} {dice.choice(_LAST)}",
        "count": dice.randint(3, 97),
        "colour": dice.choice(_COLOURS),
        "place": dice.choice(_PLACE),
        "month": dice.choice(_MONTH),
        "hour": dice.randint(7, 11),
    }
    return Fact(said.format(**words), asked.format(**words), str(words["who"]))


def crowd(count: int) -> list[float]:
    """Shares of `count` people in what is remembered: few say much (Zipf, exponent 0.7)."""
    weights = [rank**-0.7 for rank in range(1, count + 1)]
    whole = sum(weights)
    return [weight / whole for weight in weights]
