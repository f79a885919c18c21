"""The page Lab: make a variant of a model, and measure what it loses."""
