"""Floor 3: what a user can ask for, without Qt; the window and the command line share it."""
