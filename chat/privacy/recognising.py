"""Finding personal data in a text, with Microsoft Presidio (MIT); an extra that loads on first use.

Recognised by pattern and check digit, in any language: e-mail addresses, telephone numbers, bank
accounts (IBAN), payment cards, IP addresses, crypto wallets, and the identity, tax and health
numbers of the countries that Presidio knows. Names of persons, places and groups only with a model
that names them: a spaCy pipeline of the operator's, `SA01_PRIVACY_MODEL`. A rule may miss what a
person would see; this lowers what is told, it proves nothing.

Takes about 110 MB and three seconds once, and about 4 ms a message (each text is looked at once).
"""

from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from typing import Any

from django.conf import settings

from chat.privacy.placeholders import Span
from kernel.errors import Conflict

# Below it, Presidio's own patterns are guesses: any nine digits may be a driving licence.
LEAST_SCORE = 0.4
# No secret and of use to a model: which day, which page.
NOT_PERSONAL = frozenset({"DATE_TIME", "URL"})
# Texts whose findings are kept: messages do not change, and come back with every turn.
KEPT = 4_096
INSTALL = ".venv/bin/python -m pip install --require-hashes -r requirements/privacy.txt"
_loading = Lock()


class PrivacyNotInstalled(Conflict):
    """Personal data should be hidden, and what finds it is not installed."""

    code, title = "privacy-not-installed", "What finds personal data is not installed"

    @classmethod
    def with_cure(cls) -> "PrivacyNotInstalled":
        """With the command that helps."""
        return cls(
            "Nothing was sent. Whoever runs this installation can add Microsoft Presidio: "
            f"{INSTALL}, then start again."
        )


def is_installed() -> bool:
    """Whether the extra is there; loads nothing."""
    return find_spec("presidio_analyzer") is not None and find_spec("spacy") is not None


def require_installed() -> None:
    """Raises: PrivacyNotInstalled, with the command that installs it."""
    if not is_installed():
        raise PrivacyNotInstalled.with_cure()


@lru_cache(maxsize=KEPT)
def find(text: str) -> tuple[Span, ...]:
    """Personal data in the text. Blocks: milliseconds, seconds at first. Raises as above."""
    require_installed()
    with _loading:
        analyzer = _analyzer()
    found = analyzer.analyze(text, "en", score_threshold=LEAST_SCORE)
    return tuple(
        Span(one.start, one.end, one.entity_type, one.score)
        for one in found
        if one.entity_type not in NOT_PERSONAL
    )


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from chat.privacy.engines import analyzer

    return analyzer(settings.SOMA.privacy_model)
