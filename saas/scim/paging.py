"""One page of a list: simple filters in the database, all others on the resources themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from scim2_models import ListResponse

from saas.scim.resources import PAGE_MAX

DEFAULT_COUNT = 100


def page(
    search: Any,
    rows: QuerySet[Any],
    columns: Mapping[str, Callable[[str], dict[str, Any]]],
    render: Callable[[Sequence[Any]], list[Any]],
    model: Any,
) -> Any:
    """The page that was asked for, oldest first unless another order is named.

    `columns`: filters `attribute eq "…"` as lookups; for other filters, and for another order, all
    of the tenant are looked at.
    """
    rows = rows.order_by("id")
    count = DEFAULT_COUNT if search.count is None else min(search.count, PAGE_MAX)
    first = search.start_index_0 or 0
    lookup = _lookup(search, columns) if search.filter is not None else {}
    if lookup is not None:
        rows = rows.filter(**lookup)
    if lookup is not None and search.sort_by is None:
        total, shown = rows.count(), render(list(rows[first : first + count]))
    else:
        found = render(list(rows))
        if lookup is None:
            found = [one for one in found if search.filter.match(one)]
        total, shown = len(found), search.sort(found)[first : first + count]
    return ListResponse[model](
        total_results=total, start_index=first + 1, items_per_page=len(shown), resources=shown
    )


def _lookup(
    search: Any, columns: Mapping[str, Callable[[str], dict[str, Any]]]
) -> dict[str, Any] | None:
    node: Any = search.filter.ast
    path = getattr(node, "attr_path", None)
    if path is None or path.sub_attr or getattr(node, "op", "") != "eq":
        return None
    column = columns.get(path.attr.lower())
    if column is None or not isinstance(node.value, str):
        return None
    return column(node.value)
