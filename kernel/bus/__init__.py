"""What goes between processes.

`ports`: wake-ups, which may be lost and carry pointers. `backbone`: events, which are never lost.
"""
