"""The one client of OpenAI-compatible servers: Heft's own engine, and any other."""
