"""One file a scenario. Each has `run(bench) -> list[Figure | Quote]` and a docstring that says what
is measured and how; `bench.runner` owns their order."""
