"""Conversations with the loaded model."""
