"""Ollama's dialect: /api. Conversations are translated to chat completions and back."""
