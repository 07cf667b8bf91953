"""Which passages hang together with what was found first: a random walk over shared names.

Pure.  Passages and names form a graph; a walker follows a link with 0.85 and starts again at one of
the seeds with 0.15 (personalised PageRank; constants as in the reference's `planning.rwr`, which
`memory.cognition.walk` follows literally for links that people made).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

GO_ON, RESTART = 0.85, 0.15
ROUNDS = 12

Passage = TypeVar("Passage", bound=Hashable)


def visits(
    seeds: Mapping[Passage, float],
    names: Mapping[Passage, Sequence[str]],
    weights: Mapping[str, float],
) -> dict[Passage, float]:
    """Return the share of visits of each passage of `names`, 0..1, sum at most 1.

    `seeds`: where walks begin, by weight > 0.  `weights`: how telling a name is, > 0; names that
    are missing there are not walked over.
    """
    # Lists by place: hashing identifiers was most of the time of a recall's ranking.
    passages = list(names)
    named: dict[str, list[int]] = {}
    outs = [0.0] * len(passages)
    for place, passage in enumerate(passages):
        for name in dict.fromkeys(names[passage]):
            weight = weights.get(name)
            if weight is not None:
                named.setdefault(name, []).append(place)
                outs[place] += weight
    given = [seeds.get(passage, 0.0) for passage in passages]
    whole = sum(given)
    if whole <= 0:
        return dict.fromkeys(passages, 0.0)
    begin = [weight / whole for weight in given]
    steps = [(weights[name], holders) for name, holders in named.items()]
    at = begin
    for _ in range(ROUNDS):
        # Without a name there is nowhere to go but back to a seed.
        lost = sum(share for share, out in zip(at, outs, strict=True) if out <= 0)
        again = RESTART + GO_ON * lost
        following = [again * share for share in begin]
        leaving = [share / out if out > 0 else 0.0 for share, out in zip(at, outs, strict=True)]
        for weight, holders in steps:
            share = sum([leaving[place] for place in holders])
            if share > 0:
                share *= GO_ON * weight / len(holders)
                for place in holders:
                    following[place] += share
        at = following
    return dict(zip(passages, at, strict=True))
