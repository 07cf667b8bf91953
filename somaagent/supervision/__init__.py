"""Everything that `up` starts, in which order, and how all of it stops.

Owns: the embedded servers, the process list, the supervisor, the lock and the marker below `var/`.
Never: imported by the product's own code; a web or worker process knows only addresses.
Flow: `start.run` -> `postgres`, `valkey`, `daemon` (supervisord) -> `child` (the last step before
each program) -> the program.
"""
