"""OpenAI's dialect: models, chat completions, completions, embeddings; and rerank, which other servers added."""
