"""llama.cpp's own web page, as its sources build it, and what it asks of a server with several models."""
