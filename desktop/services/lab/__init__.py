"""The Lab: variants of a model made on this computer, and what they cost in quality, measured."""
