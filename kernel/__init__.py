"""Shared ground of every app: scope, transactions, events, errors, ports.

Knows no product word and imports no other app of this repository.
"""
