"""OpenAI's Responses. They are translated to chat completions and back."""
