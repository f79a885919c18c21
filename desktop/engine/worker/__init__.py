"""The engine's process: one model, one request at a time, and Heft's side of the pipe."""
