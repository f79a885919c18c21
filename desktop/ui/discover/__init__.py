"""The page Discover."""
