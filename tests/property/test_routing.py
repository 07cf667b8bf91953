"""Laws of the choice of models: only what fits is picked, nothing is drawn twice differently."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.metrics import Rate, Tokens, cost_micros, rate_at
from gateway.ports import NO_SECRET, Endpoint
from gateway.routing.bandit import MARGIN, MOST_WEIGHT, Arm, explored, held, reward, seen
from gateway.routing.engine import Limits, Need, Standing, Weighed, pick, weigh
from gateway.routing.rules import GOALS, Rules, Share, bound, rules_of
from gateway.traits import CAPABILITIES, TIERS, Traits

AT = datetime(2026, 11, 21, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(1, 9)]

ids = st.sampled_from(IDS)
abilities = st.frozensets(st.sampled_from(CAPABILITIES)).map(lambda some: some | {"text"})
traits = st.builds(Traits, abilities, st.sampled_from(TIERS), st.sampled_from(["", "eu", "us"]))
rates = st.builds(
    Rate, st.just(LONG_AGO), st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8)
)


@st.composite
def endpoints(draw: st.DrawFn) -> list[Endpoint]:
    return [
        Endpoint(
            "", NO_SECRET, "openai", f"m{one.int}", provider_name="p", model_id=one,
            window=draw(st.integers(1, 200_000)),
            rates=draw(st.lists(rates, max_size=1).map(tuple)),
            self_hosted=draw(st.booleans()),
            traits=draw(traits),
        )
        for one in draw(st.lists(ids, unique=True))
    ]  # fmt: skip


needs = st.builds(
    Need, abilities, st.integers(0, 200_000), st.integers(0, 50_000), st.booleans(), st.booleans()
)
shares = st.builds(Share, ids, st.integers(0, 100))
rules = st.builds(
    Rules,
    goal=st.sampled_from(GOALS),
    order=st.lists(ids, unique=True).map(tuple),
    max_tier=st.none() | st.sampled_from(TIERS),
    max_call_micros=st.none() | st.integers(0, 10**8),
    regions=st.lists(st.sampled_from(["eu", "us"]), unique=True).map(tuple),
    self_hosted_only=st.booleans(),
    sticky=st.booleans(),
    learns=st.booleans(),
    split=st.lists(shares, max_size=3).map(tuple),
    attempt_s=st.none() | st.floats(1, 100),
    shadow=st.none() | shares,
)
standings = st.dictionaries(
    ids,
    st.builds(
        Standing, st.booleans(), st.booleans(), st.none() | st.floats(1, 1e5), st.floats(0, 1)
    ),
)
limits = st.builds(
    Limits,
    st.none() | st.frozensets(ids),
    st.frozensets(st.sampled_from(["m1", "p/m2", "m3"])),
    st.none() | st.integers(0, 10**8),
)
arms = st.dictionaries(ids, st.builds(Arm, st.floats(0, 1e6), st.floats(0, 1e6)))


@given(endpoints(), needs, rules, standings, limits, st.lists(ids, max_size=2), st.none() | ids,
       arms, st.integers(0, 2**64))  # fmt: skip
def test_what_is_left_out_is_never_picked_and_the_same_comes_out_again(  # noqa: PLR0917
    found: list[Endpoint], need: Need, wanted: Rules, fare: dict[UUID, Standing], who: Limits,
    named: list[UUID], sticky_to: UUID | None, learned: dict[UUID, Arm], seed: int,
) -> None:  # fmt: skip
    def chosen() -> tuple[list[Weighed], tuple[UUID, ...], str]:
        weighed = weigh(need, found, wanted, fare, who, AT, frozenset(named))
        choice = pick(weighed, wanted, seed, named=named, sticky_to=sticky_to, arms=learned)
        return weighed, choice.plan, choice.reason

    weighed, plan, reason = chosen()
    assert {one.model_id for one in weighed} == {one.model_id for one in found}
    # Each has either a score or the reason why not.
    assert all((one.score is None) == bool(one.left_out) for one in weighed)
    fit = [one.model_id for one in weighed if not one.left_out]
    assert sorted(plan) == sorted(fit)
    assert reason
    assert chosen()[1:] == (plan, reason)
    by_id = {one.model_id: one for one in found}
    for one in plan:
        endpoint = by_id[one]
        assert who.allowed is None or one in who.allowed
        assert endpoint.self_hosted or not (need.stays_home or wanted.self_hosted_only)
        assert not wanted.regions or endpoint.traits.region in wanted.regions
        if wanted.max_tier is not None:
            assert TIERS.index(endpoint.traits.tier) <= TIERS.index(wanted.max_tier)
        if wanted.max_call_micros is not None:
            tokens = Tokens(need.input_tokens, need.output_tokens)
            assert cost_micros(rate_at(endpoint.rates, AT), tokens) <= wanted.max_call_micros
        if one not in named:
            assert need.capabilities <= endpoint.traits.capabilities
            assert need.input_tokens < endpoint.window
    well = [one for one in plan if not fare.get(one, Standing()).is_resting]
    # A model that rests is only asked where nothing else fits, or by name.
    assert len(well) in {0, len([one for one in plan if one not in named or one in well])}


@given(st.dictionaries(ids, st.floats(0, 1), min_size=1), arms, st.integers(0, 2**64))
def test_the_bandit_stays_near_the_best_and_forgets_nobody(
    scores: dict[UUID, float], learned: dict[UUID, Arm], seed: int
) -> None:
    order = explored(scores, learned, Random(seed))
    assert sorted(order) == sorted(scores)
    assert scores[order[0]] >= max(scores.values()) - MARGIN
    assert order == explored(scores, learned, Random(seed))


@given(st.lists(st.floats(-1, 2), max_size=500))
def test_an_arm_never_weighs_more_than_it_may(values: list[float]) -> None:
    arm = Arm()
    for value in values:
        arm = seen(arm, value)
        assert 0 <= arm.good <= MOST_WEIGHT
        assert 0 <= arm.bad <= MOST_WEIGHT
        assert arm.good + arm.bad <= MOST_WEIGHT + 1e-6
    assert held(arm) == arm


@given(st.booleans(), st.none() | st.floats(0, 1e7), st.floats(-1, 2))
def test_a_reward_is_between_nothing_and_all(ok: bool, ms: float | None, part: float) -> None:
    assert 0 <= reward(is_ok=ok, first_token_ms=ms, cost_part=part) <= 1


def test_the_bandit_finds_the_better_of_two_and_follows_when_that_changes() -> None:
    good, bad = IDS[:2]
    learned: dict[UUID, Arm] = {}
    scores = {good: 0.6, bad: 0.7}
    drawn = Random(7)

    def share_of(wanted: UUID, chance: dict[UUID, float]) -> float:
        picked = []
        for _ in range(1_500):
            one = explored(scores, learned, drawn)[0]
            value = 1.0 if drawn.random() < chance[one] else 0.0
            learned[one] = seen(learned.get(one, Arm()), value)
            picked.append(one)
        return picked[-500:].count(wanted) / 500

    assert share_of(good, {good: 0.95, bad: 0.5}) > 0.9
    assert share_of(bad, {good: 0.2, bad: 0.9}) > 0.9


@given(rules)
def test_rules_survive_being_stored(wanted: Rules) -> None:
    assert rules_of(wanted.as_json()) == wanted


@given(rules, rules)
def test_a_tenant_stays_within_the_platforms_limits(own: Rules, platform: Rules) -> None:
    both = bound(own, platform)
    if platform.max_tier is not None:
        assert both.max_tier is not None
        assert TIERS.index(both.max_tier) <= TIERS.index(platform.max_tier)
    if platform.max_call_micros is not None:
        assert both.max_call_micros is not None
        assert both.max_call_micros <= platform.max_call_micros
    if platform.regions:
        assert both.regions
        assert set(both.regions) <= {*platform.regions, "-"}
    assert both.self_hosted_only or not platform.self_hosted_only
    assert bound(None, platform) == platform


@given(needs)
def test_counts_are_rounded_up_by_an_eighth_at_most(need: Need) -> None:
    coarse = need.coarse()
    for exact, rounded in (
        (need.input_tokens, coarse.input_tokens), (need.output_tokens, coarse.output_tokens),
    ):  # fmt: skip
        assert exact <= rounded <= exact * 1.125 + 1
    assert coarse.coarse() == coarse
