"""Widgets and models that two wings use."""
