"""Searching the Hub, and weighing what is found there."""
