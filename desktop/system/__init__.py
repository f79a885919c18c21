"""Floor 1: what the parts of floor 2 share: atomic files, child processes, framing, packaged resources."""
