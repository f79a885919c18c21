"""Floor 2: what survives a restart: paths, settings, chats, the library of local files."""
