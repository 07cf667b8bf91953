"""Adapters of `gateway.ports.ModelPort`. Only `somaagent.wiring` and contract tests name them."""
