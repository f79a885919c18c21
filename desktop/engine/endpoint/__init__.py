"""The client of OpenAI-compatible servers, Heft's own and others'."""
