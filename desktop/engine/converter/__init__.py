"""llama.cpp's converter in a Python environment of its own, which is made only when it is asked for."""
