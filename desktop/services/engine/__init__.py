"""The engine's process, supervised: what it holds, what it does, and that it can always be started again."""
