"""Real services on this machine, without containers: for trying out, tests and benches.

`recipes` is the table of what can be had; `running` starts, finds and stops; `./soma services` is
the way in. Never used by an installation itself, and never writes into the checkout.
"""
