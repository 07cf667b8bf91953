"""The web application as `up` serves it: each of uvicorn's workers ends with its master.

uvicorn starts further workers itself, beyond the reach of `child`. Orphans would keep the port, and
the next master could not start.
"""

import signal

from somaagent.supervision.child import die_with_parent

die_with_parent(signal.SIGTERM)

from somaagent.asgi import application  # noqa: E402  # loading takes a second: first the tie

__all__ = ["application"]
