"""Random walk with restart over links: what is near a memory by association.

p <- normalised(0.85·T·p + 0.15·start), 20 times, T column-stochastic by weight.  Source: SomaBrain
`planning.rwr` (constants unchanged; 100 nodes and 20 edges a node at most).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

STAY, RESTART = 0.85, 0.15
ROUNDS = 20
MAX_NODES = 100
MAX_EDGES = 20

Node = TypeVar("Node", bound=Hashable)


def near(
    edges: Mapping[Node, Mapping[Node, float]], start: Node, limit: int = 5
) -> tuple[tuple[Node, float], ...]:
    """Return the nodes most visited from `start`, without it, with their share of visits.

    `edges`: {from: {to: weight > 0}}; of a node the 20 strongest edges count, and of the graph the
    first 100 nodes met breadth first.  Ties go to the smaller name.
    """
    nodes = _reached(edges, start)
    place = {node: number for number, node in enumerate(nodes)}
    transitions = np.zeros((len(nodes), len(nodes)))
    for node in nodes:
        for target, weight in _strongest(edges.get(node, {})):
            if target in place:
                transitions[place[target], place[node]] += weight
    sums = transitions.sum(axis=0)
    transitions = np.divide(transitions, sums, out=np.zeros_like(transitions), where=sums > 0)
    begin = np.zeros(len(nodes))
    begin[place[start]] = 1.0
    visits = begin
    for _ in range(ROUNDS):
        visits = STAY * (transitions @ visits) + RESTART * begin
        visits = visits / visits.sum()
    ranked = sorted(
        ((node, float(visits[place[node]])) for node in nodes if node != start),
        key=lambda pair: (-pair[1], str(pair[0])),
    )
    return tuple(pair for pair in ranked[: max(0, limit)] if pair[1] > 0)


def _strongest(targets: Mapping[Node, float]) -> list[tuple[Node, float]]:
    positive = [(target, weight) for target, weight in targets.items() if weight > 0]
    return sorted(positive, key=lambda pair: (-pair[1], str(pair[0])))[:MAX_EDGES]


def _reached(edges: Mapping[Node, Mapping[Node, float]], start: Node) -> list[Node]:
    nodes, known = [start], {start}
    for node in nodes:
        for target, _ in _strongest(edges.get(node, {})):
            if target not in known and len(nodes) < MAX_NODES:
                known.add(target)
                nodes.append(target)
    return nodes
