"""Floor 4: Qt. The only folder that may import PySide6."""
