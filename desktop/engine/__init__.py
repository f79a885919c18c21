"""Floor 2: llama.cpp in processes of their own, and the client of any server that speaks as it does."""
