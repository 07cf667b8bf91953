"""The brain as an HTTP service: contract A of SomaBrain, corrected, over whatever BRAIN is bound.

Flow: `asgi.application` -> bearer key (`keys`) -> operation (`api_memory`, `api_cognition`) ->
`memory.ports.BRAIN`.  `manage.py brain` starts it.
Never: takes a tenant from a body, acknowledges what is not durable, answers a constant.
"""
