"""HTTP operations of memory: `router` under /api/v2/memory, `cognitive` under /api/v2/cognitive.

One module an area; the static paths come before the one that is a memory's id.
"""

from ninja import Router

from memory.api import reading
from memory.api.cognition import router as cognitive

router = Router(tags=["memory"])
router.add_router("", reading.router)

__all__ = ["cognitive", "router"]
