"""Sentence embeddings on the machine itself: weights, conversion, inference.

Owns: turning text into unit vectors.  Never: touches the database, the network or a tenant.
"""
