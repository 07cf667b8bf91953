"""HTTP operations of memory: `router` under /api/v2/memory, `cognitive` under /api/v2/cognitive.

One module an area; importing it registers its operations.
"""

from memory.api import keeping, moving, reading, writing
from memory.api.cognition import router as cognitive
from memory.api.routing import router

__all__ = ["cognitive", "keeping", "moving", "reading", "router", "writing"]
