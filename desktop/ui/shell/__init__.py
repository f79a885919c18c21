"""The window around the pages: rail, status bar, notifications, tasks, theme."""
