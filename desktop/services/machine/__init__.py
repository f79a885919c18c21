"""What this computer is, how quick it is, and "what if I had that one"."""
