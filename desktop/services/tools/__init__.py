"""Tools for the chat: servers that offer them, what a model may call, and what came of it."""
