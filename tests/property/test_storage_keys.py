"""Whatever a key is: it is refused, or it leads to one place below its tenant and back."""

from pathlib import Path, PurePosixPath
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from kernel.actor import Scope
from kernel.storage.ports import KEY_LIMIT, UnsafeKey, object_at, place_of

PIECES = st.lists(st.sampled_from(["a", "B-1", "_", ".", "..", "", "x.y", "\n", "é", "\\"]))
KEYS = st.one_of(st.text(), PIECES.map("/".join), st.text("ab./", max_size=KEY_LIMIT + 5))
TENANTS = st.uuids().filter(lambda one: one.int != 0)


@given(tenant_id=TENANTS, key=KEYS)
@example(tenant_id=UUID(int=1), key="a\n")
@example(tenant_id=UUID(int=1), key="a" * 200 + "/" + "b" * 200)
def test_a_key_is_refused_or_leads_to_its_place_and_back(tenant_id: UUID, key: str) -> None:
    scope = Scope(tenant_id)
    try:
        place = place_of(scope, key)
    except UnsafeKey:
        return
    assert object_at(place) == (scope, key)
    path = Path("/root") / place
    assert path.resolve() == path
    assert path.is_relative_to(Path("/root") / str(tenant_id))
    assert PurePosixPath(place).as_posix() == place


@given(place=st.one_of(st.text(), st.tuples(st.uuids().map(str), KEYS).map("/".join)))
@example(place=f"{UUID(int=1).hex}/a")
def test_a_place_that_nobody_made_is_nobodys(place: str) -> None:
    found = object_at(place)
    assert found is None or place_of(*found) == place
