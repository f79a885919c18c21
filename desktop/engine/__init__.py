"""Floor 2: llama.cpp in a process of its own: protocol, worker, client."""
