"""Permission questions on a large installation: filled by SQL, asked by the product's own code."""
