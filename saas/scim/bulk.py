"""Many changes in one request (RFC 7644, section 3.7).

Each is a change by itself: what was done stays, whatever becomes of those after it. One that names
what another is still to make (`bulkId:…`) waits for that.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from scim2_models import (
    BulkOperation,
    BulkRequest,
    BulkResponse,
    ConflictException,
    Context,
    Error,
    Group,
    InvalidSyntaxException,
    InvalidValueException,
    NotFoundException,
    PayloadTooLargeException,
)

from saas.scim.acts import KINDS, REFUSALS, Acts, MethodNotAllowed, error_of
from saas.scim.resources import BULK_MAX, PATCHING, PROVIDER, WRITING, Person
from saas.scim.versions import Conditions

_Either = Person | Group
# Alone, or at the end of an address: `/Groups/bulkId:…`.
_REFERENCE = re.compile(r"(/?(?:Users|Groups)/)?bulkId:(.+)")
Line = dict[str, Any]


def run(acts: Acts, body: Any) -> dict[str, Any]:
    """Do what is asked, line by line, and say what became of each, in their order.

    `failOnErrors`: so many refusals end it; lines that were not tried have no answer.
    Raises: PayloadTooLargeException, InvalidSyntaxException, InvalidValueException.
    """
    asked = _lower(body)
    lines = asked.get("operations")
    if not isinstance(lines, list) or not lines:
        raise InvalidSyntaxException(detail="Operations is a list of one or more.")
    if len(lines) > BULK_MAX:
        raise PayloadTooLargeException(detail=f"At most {BULK_MAX} operations are done at once.")
    # The lines are read in their turn, when what they name is known.
    limit = BulkRequest[_Either].model_validate(asked | {"operations": None}).fail_on_errors
    if limit is not None and limit < 1:
        raise InvalidValueException(detail="failOnErrors is 1 or more.")
    done = _Job(acts, [_lower(line) for line in lines]).run(limit or len(lines))
    answer = BulkResponse[_Either](operations=done)
    return dict(answer.model_dump(scim_ctx=Context.BULK_RESPONSE))


class _Job:
    """The lines of a request, and where what they made so far is (empty: it failed)."""

    def __init__(self, acts: Acts, lines: list[Line]) -> None:
        self._acts, self._lines = acts, lines
        self._made: dict[str, str] = {}

    def run(self, limit: int) -> list[Any]:
        made = [line.get("bulkid") for line in self._lines if line.get("method") == "POST"]
        promised = {one for one in made if isinstance(one, str)}
        waiting = deque(enumerate(self._lines))
        done: dict[int, Any] = {}
        failures, patience = 0, len(waiting)
        while waiting and failures < limit:
            index, line = waiting.popleft()
            # Once around without any line that could be done: they wait for each other.
            if patience and set(_references(line)) & promised - self._made.keys():
                waiting.append((index, line))
                patience -= 1
                continue
            patience = len(waiting)
            done[index] = answer = self._answer(line)
            failures += isinstance(answer.response, Error)
        return [done[index] for index in sorted(done)]

    def _answer(self, line: Line) -> Any:
        """What became of a line. Where it is now is kept for those that wait for it."""
        made: dict[str, Any]
        try:
            made = self._done(_resolved(line, self._made))
        except REFUSALS as refusal:
            error = error_of(refusal)
            made = {"status": error.status or 400, "response": error}
        method, bulk_id = line.get("method"), line.get("bulkid")
        if method == "POST" and isinstance(bulk_id, str):
            self._made.setdefault(bulk_id, made.get("location", ""))
        elif "location" not in made:
            made["location"] = f"{self._acts.base}/{str(line.get('path')).strip('/')}"
        known = method in tuple(BulkOperation.Method)
        return BulkOperation[Person](
            method=method if known else None,
            bulk_id=bulk_id if isinstance(bulk_id, str) else None,
            **made,
        )

    def _done(self, line: Line) -> dict[str, Any]:
        """Do a line that waits for nothing. Raises: REFUSALS."""
        request: Any = BulkRequest[_Either].model_validate(
            {"Operations": [line]},
            scim_ctx=Context.BULK_REQUEST,
            scim_policy=PATCHING if line.get("method") == "PATCH" else WRITING,
            scim_provider=PROVIDER,
        )
        (given,) = request.operations
        if given.status is not None:
            return {"status": given.status, "response": given.response}
        kind, given_id = given.endpoint.strip("/"), given.resource_id
        if kind not in KINDS:
            raise NotFoundException(detail="There is nothing at this address.")
        if (given.method == BulkOperation.Method.post) == bool(given_id):
            raise MethodNotAllowed
        if given.bulk_id in self._made:
            raise InvalidValueException(detail="Another operation has this bulkId.")
        conditions = Conditions(if_match=given.version or "")
        if given.method == BulkOperation.Method.delete:
            self._acts.remove(kind, given_id, conditions)
            return {"status": 204}
        if given_id is None:
            found, status = self._acts.create(kind, given.data), 201
        else:
            found, status = self._acts.change(kind, given_id, given.data, conditions), 200
        return {"status": status, "location": found.meta.location, "version": found.meta.version}


def _lower(given: Any) -> dict[str, Any]:
    """An object by the names of its attributes, whose case does not matter."""
    if not isinstance(given, dict):
        raise InvalidSyntaxException(detail="A request and each of its operations is an object.")
    return {name.lower(): value for name, value in given.items()}


def _references(given: Any) -> Iterator[str]:
    """The `bulkId`s that are named in it."""
    if isinstance(given, str) and (found := _REFERENCE.fullmatch(given)):
        yield found[2]
    if isinstance(given, dict | list):
        for one in given.values() if isinstance(given, dict) else given:
            yield from _references(one)


def _resolved(given: Any, made: dict[str, str]) -> Any:
    """The same with the ids of what was made. Raises: ConflictException."""
    if isinstance(given, str) and (found := _REFERENCE.fullmatch(given)):
        if not made.get(found[2]):
            raise ConflictException(detail=f"Nothing was made as bulkId {found[2]}.")
        return f"{found[1] or ''}{made[found[2]].rpartition('/')[2]}"
    if isinstance(given, dict):
        known = {name: _resolved(value, made) for name, value in given.items()}
        whose = next(_references(given.get("value")), "")
        # Of a manager the standard wants the address too, which nobody knew; a patch has none.
        if isinstance(given.get("value"), str) and whose and "op" not in given:
            known.setdefault("$ref", made[whose])
        return known
    return [_resolved(one, made) for one in given] if isinstance(given, list) else given
