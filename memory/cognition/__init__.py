"""The mathematics of memory, pure: no rows, no clock, no configuration.

`vectors` cosine and normalising · `scoring` the unified score, recency, density, context weights ·
`salience` what is worth keeping · `sketch` frequent directions · `binding` who did what to whom ·
`focus` working memory · `neuromodulators` four slow variables and what they move · `adaptation`
weights that learn · `sleep` stages and their parameters · `walk` graph walk with restart ·
`drawing` facts drawn from what people say, by rules.

Formulas and constants follow SomaBrain where the module says so; where they differ on purpose the
module says why (all differences: docs/decisions/0004-brain.md).
"""
