"""The dry run: how llama.cpp would place a model that need not be here, without allocating it."""
