"""Personal data on its way to a provider outside: found, replaced, and put back in the answer.

placeholders (pure) · recognising (Microsoft Presidio, an extra) · hiding (the two together, for a
request). Only what is sent is changed: what is stored, shown and remembered stays as it was said.
"""
