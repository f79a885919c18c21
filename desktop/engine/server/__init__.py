"""llama.cpp's own server as the engine: launched from a plan, supervised, and spoken to by Heft alone."""
