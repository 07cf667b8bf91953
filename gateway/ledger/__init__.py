"""What calls may spend and did spend.

`metrics` units and costs · `rules` which budgets bind a call (pure) · `purse` what this process
holds (pure) · `store` the SQL statements · `journal` what is not settled yet · `book` the ledger of
this process · `budgets`, `usage` the verbs of people. The idea: docs/decisions/0006-gateway.md.
"""
