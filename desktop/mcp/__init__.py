"""Servers of tools, by the Model Context Protocol: each is spoken to by a process of its own."""
