"""Branches: a path holds exactly the messages of its fork history, in order."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from chat import path


@given(data=st.data(), steps=st.integers(1, 25))
def test_a_forked_path_is_the_shared_prefix_plus_its_own_messages(
    data: st.DataObject, steps: int
) -> None:
    first = uuid4()
    lineages = {first: path.root(first)}
    # The oracle: every branch's messages as a plain list of (branch, seq).
    paths: dict[object, list[tuple[object, int]]] = {first: []}
    branch, seq = first, 0
    for _ in range(steps):
        if paths[branch] and data.draw(st.booleans()):
            cut = data.draw(st.integers(0, len(paths[branch])))
            after = paths[branch][cut - 1][1] if cut else 0
            new = uuid4()
            lineages[new] = path.fork(lineages[branch], after, new)
            paths[new] = paths[branch][:cut]
            branch = new
        else:
            branch = data.draw(st.sampled_from(list(lineages)))
        seq += 1
        paths[branch].append((branch, seq))
    everything = {message for one in paths.values() for message in one}
    for known, wanted in paths.items():
        found = sorted(
            (message for message in everything if path.contains(lineages[known], *message)),
            key=lambda message: message[1],
        )
        assert found == wanted
