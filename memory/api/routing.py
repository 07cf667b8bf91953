"""The one router of /api/v2/memory: operations of one path have to share their router."""

from ninja import Router

router = Router(tags=["memory"])
