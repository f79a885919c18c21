"""Floor 3: Qt. The only folder that may import PySide6."""
