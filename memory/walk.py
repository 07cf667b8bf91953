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
    edges = {
        passage: {name: weights[name] for name in dict.fromkeys(of) if name in weights}
        for passage, of in names.items()
    }
    holders: dict[str, list[Passage]] = {}
    for passage, of in edges.items():
        for name in of:
            holders.setdefault(name, []).append(passage)
    whole = sum(weight for passage, weight in seeds.items() if passage in edges)
    if whole <= 0:
        return dict.fromkeys(edges, 0.0)
    begin = {passage: seeds.get(passage, 0.0) / whole for passage in edges}
    at = dict(begin)
    for _ in range(ROUNDS):
        on_names: dict[str, float] = dict.fromkeys(holders, 0.0)
        lost = 0.0
        for passage, share in at.items():
            links = edges[passage]
            out = sum(links.values())
            if out <= 0:
                # Without a name there is nowhere to go but back to a seed.
                lost += share
                continue
            for name, weight in links.items():
                on_names[name] += share * weight / out
        at = {passage: (RESTART + GO_ON * lost) * share for passage, share in begin.items()}
        for name, share in on_names.items():
            for passage in holders[name]:
                at[passage] += GO_ON * share / len(holders[name])
    return at
