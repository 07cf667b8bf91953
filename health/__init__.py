"""Whether this process lives and is ready, how its dependencies are, and what it measures.

- `services`: what is depended on, and how each is looked at
- `judging`: from a look and the breakers to a state; pure
- `monitor`: looks, shares what it sees between processes, tells who watches
- `degraded`: what a failed service means: the table, the level, the words for each role
- `verbs`, `api`: for operators; `asgi`: for machines
"""
