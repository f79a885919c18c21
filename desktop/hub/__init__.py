"""Floor 2: the Hugging Face Hub, through huggingface_hub's own session: search, files, remote headers, transfer."""
