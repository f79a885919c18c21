"""Anthropic's dialect: messages, counting of their tokens, models. It is translated to chat completions and back."""
