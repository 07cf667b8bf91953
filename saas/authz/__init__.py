"""Authorisation, said once: the schema as data, an evaluator, and the checks that verbs call."""
