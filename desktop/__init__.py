"""Heft: weigh a language model before you carry it home, then run it on your own computer."""

__version__ = "0.1.0"
