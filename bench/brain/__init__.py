"""Drives the product's own memory code for a measurement: one process beside the installation.

`python -m bench.brain` is set up as the web process is (django.setup, the composition root's
wiring) and calls BrainPort as the facade does, on threads with a connection each. The clock is
around the call of the port: embedding of the question, unit of work, every round trip and the
commit are inside, HTTP and the access check are not.

`facts` what is said and asked, `clients` who writes and asks, `filling` large tables in bulk,
`sweep` whether anybody gets what is not theirs, `crashes` what kill -9 leaves.
"""
