"""Measures the product against its targets; judges nothing and always exits 0.

`python -m bench [scenario …]`; what each scenario does: docs/reference/benchmarks.md.
"""
