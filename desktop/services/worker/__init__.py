"""Devices of one computer lent to another: llama.cpp's RPC, which knows no keys, behind TLS with a pinned one."""
