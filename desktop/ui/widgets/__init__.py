"""Widgets used by more than one page, or large enough for a room of their own."""
