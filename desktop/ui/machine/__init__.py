"""The page Machine."""
