"""Rate limits: `gcra` the rule (pure), `limiter` where its state is kept."""
