"""Who has the keyboard. It moves by what a person does; work that ends by itself leaves it where it is.

Only where the widget that has it goes, it has to go somewhere: ``kept = has_keyboard(going)`` before, and
``if kept: heir.setFocus(...)`` after. The tests of ``tests/ui`` fail when a job's end takes it from anyone else.
"""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget


def has_keyboard(widget: QWidget) -> bool:
    """Whether keys go to this widget or to one in it."""
    focused = QApplication.focusWidget()
    return focused is not None and (focused is widget or widget.isAncestorOf(focused))
