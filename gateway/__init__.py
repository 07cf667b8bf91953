"""Everything between the product and language models: providers, models, streams, errors.

Knows no conversation, turn or tenant data. Other apps use `gateway.facade` alone.
"""
