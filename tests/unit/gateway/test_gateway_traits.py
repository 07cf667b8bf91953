"""What is guessed of a model by its name, and taken from the public table."""

import pytest

from gateway.ledger.pricelist import entry_of, read_table
from gateway.traits import CAPABILITIES, TIERS, guessed, listed_traits, tier_by_price, traits_of


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("gpt-4.1-mini", "budget"),
        ("gpt-4.1", "premium"),
        ("claude-opus-4-1", "flagship"),
        ("claude-sonnet-4-5", "premium"),
        ("gemini-2.5-flash", "budget"),
        ("gemini-2.5-pro", "flagship"),
        ("meta-llama/Llama-3.1-8B-Instruct", "budget"),
        ("llama-3.3-70b-versatile", "standard"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "budget"),
        ("microsoft/phi-4", "budget"),
        ("unheard-of", "standard"),
    ],
)
def test_small_models_are_known_by_their_names(name: str, tier: str) -> None:
    assert guessed(name).tier == tier


def test_what_is_said_counts_more_than_the_guess() -> None:
    said = traits_of("gpt-4.1-mini", ["text"], "flagship", "eu")
    assert (said.capabilities, said.tier, said.region) == (frozenset({"text"}), "flagship", "eu")
    assert traits_of("gpt-4.1-mini", None, "", "").capabilities >= {"vision", "tools"}


def test_the_public_table_tells_abilities_limits_and_tier() -> None:
    entry = entry_of(read_table(), "anthropic", "claude-sonnet-4-5")
    assert entry is not None
    told = listed_traits(entry, 15_000_000)
    assert told.capabilities == {"text", "vision", "tools", "json_schema", "reasoning"}
    assert (told.tier, told.window) == ("premium", 200_000)
    assert told.capabilities <= set(CAPABILITIES)


def test_a_tier_rises_with_the_price() -> None:
    tiers = [TIERS.index(tier_by_price(price)) for price in range(0, 80_000_000, 500_000)]
    assert tiers == sorted(tiers)
    assert set(tiers) == set(range(len(TIERS)))
