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
    passages = list(names)
    given = [seeds.get(passage, 0.0) for passage in passages]
    whole = sum(given)
    if whole <= 0:
        return dict.fromkeys(passages, 0.0)
    numbers = {name: number for number, name in enumerate(weights)}
    links = [
        (place, numbers[name])
        for place, passage in enumerate(passages)
        for name in dict.fromkeys(names[passage])
        if name in numbers
    ]
    if not links:
        return dict(zip(passages, (share / whole for share in given), strict=True))
    import numpy as np  # 12 MB that an idle process does not pay

    # A link is a place in both: the walker goes from passages over links to names, and back.
    passage_of, name_of = np.array(links, dtype=np.intp).T
    telling = np.fromiter(weights.values(), float, len(weights))
    holders = np.bincount(name_of, minlength=len(telling))
    onwards = GO_ON * telling / np.maximum(holders, 1)
    out = np.bincount(passage_of, telling[name_of], minlength=len(passages))
    is_end = out <= 0
    out[is_end] = 1.0
    begin = np.array(given) / whole
    at = begin
    for _ in range(ROUNDS):
        leaving = np.bincount(name_of, (at / out)[passage_of], minlength=len(telling))
        arriving = np.bincount(passage_of, (leaving * onwards)[name_of], minlength=len(passages))
        # Without a name there is nowhere to go but back to a seed.
        at = (RESTART + GO_ON * at[is_end].sum()) * begin + arriving
    return dict(zip(passages, at.tolist(), strict=True))
