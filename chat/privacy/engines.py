"""Presidio's analyser as it is used here: nothing is downloaded, no model is needed.

Imports the extra: loaded by `recognising` on first use alone.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer, UrlRecognizer
from tldextract import TLDExtract

# Presidio's patterns are filed under a language; here they are used for every one.
LANGUAGE = "en"
# The list of public suffixes that the package ships, instead of today's from the network.
_SUFFIXES = TLDExtract(cache_dir=None, suffix_list_urls=())


class Words(NlpEngine):  # type: ignore[misc]  # a class of the extra
    """Splits a text into words, which is all that patterns need."""

    def __init__(self) -> None:
        self._split = spacy.blank("xx")

    def load(self) -> None:
        """Nothing to load."""

    def is_loaded(self) -> bool:
        """Always."""
        return True

    def process_text(self, text: str, language: str) -> Any:
        """The words, and no entities."""
        words = self._split(text)
        return NlpArtifacts(
            entities=[],
            tokens=words,
            tokens_indices=[word.idx for word in words],
            lemmas=[word.lower_ for word in words],
            nlp_engine=self,
            language=language,
        )

    def process_batch(
        self, texts: Iterable[str], language: str, **_: Any
    ) -> Iterator[tuple[str, Any]]:
        """One after the other."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """No list of them."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Whether there is no letter or digit in it."""
        return not word.isalnum()

    def get_supported_entities(self) -> list[str]:
        """None: that takes a model."""
        return []

    def get_supported_languages(self) -> list[str]:
        """The one that the patterns are filed under."""
        return [LANGUAGE]


class Named(SpacyNlpEngine):  # type: ignore[misc]  # a class of the extra
    """A spaCy pipeline of the operator's, by name or directory; it is never downloaded."""

    def load(self) -> None:
        """From where it is installed."""
        self.nlp = {one["lang_code"]: spacy.load(one["model_name"]) for one in self.models}


class OfflineEmail(EmailRecognizer):  # type: ignore[misc]  # a class of the extra
    """E-mail addresses whose domain ends in a suffix that is known."""

    def validate_result(self, pattern_text: str) -> bool:
        """Whether the domain can exist."""
        return bool(_SUFFIXES(pattern_text).fqdn)


def analyzer(model: str | None) -> Any:
    """An analyser of Presidio's patterns, and of what `model` names."""
    engine = Named([{"lang_code": LANGUAGE, "model_name": model}]) if model else Words()
    engine.load()
    registry = RecognizerRegistry(supported_languages=[LANGUAGE])
    registry.load_predefined_recognizers(languages=[LANGUAGE], nlp_engine=engine)
    for kind in (EmailRecognizer, UrlRecognizer):
        registry.remove_recognizer(kind.__name__)
    registry.add_recognizer(OfflineEmail())
    return AnalyzerEngine(registry, engine, supported_languages=[LANGUAGE])
