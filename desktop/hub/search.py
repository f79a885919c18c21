"""Searching the Hub page by page, and a repo's files. Answers are kept on disk, so that they serve offline too."""
