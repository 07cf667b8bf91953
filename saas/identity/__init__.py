"""Embedded identity: passwords, sessions, lock-out, CSRF, tickets.

The only code that reads users, sessions and memberships before a tenant is known.
"""
