"""The look of the window: colour tokens, the palette and the style sheet made from them, light and dark.

All colours live in ``resources/theme/tokens.json``; nothing else in the program names a colour. Qt's palette
carries the base colours, so that the style sheet needs rules only for shapes, which keeps it cheap to apply.
"""

from __future__ import annotations

import json
from functools import cached_property
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

from desktop.store.options import Appearance
from desktop.system.packaged import FOLDER, read_text

Scheme = Literal["light", "dark"]

BASE_FONT_PIXELS = 13

_PALETTE: tuple[tuple[QPalette.ColorRole, str], ...] = (
    (QPalette.ColorRole.Window, "background"),
    (QPalette.ColorRole.WindowText, "text"),
    (QPalette.ColorRole.Base, "surface"),
    (QPalette.ColorRole.AlternateBase, "background"),
    (QPalette.ColorRole.Text, "text"),
    (QPalette.ColorRole.Button, "raised"),
    (QPalette.ColorRole.ButtonText, "text"),
    (QPalette.ColorRole.BrightText, "bad"),
    (QPalette.ColorRole.PlaceholderText, "text_muted"),
    (QPalette.ColorRole.ToolTipBase, "raised"),
    (QPalette.ColorRole.ToolTipText, "text"),
    (QPalette.ColorRole.Highlight, "accent"),
    (QPalette.ColorRole.HighlightedText, "accent_text"),
    (QPalette.ColorRole.Accent, "accent"),
    (QPalette.ColorRole.Link, "accent"),
    (QPalette.ColorRole.LinkVisited, "syntax_name"),
    (QPalette.ColorRole.Light, "raised"),
    (QPalette.ColorRole.Midlight, "raised"),
    (QPalette.ColorRole.Mid, "border"),
    (QPalette.ColorRole.Dark, "border"),
    (QPalette.ColorRole.Shadow, "border"),
)


class Theme(QObject):
    """Applies the light or dark scheme to the application and tells who paints by hand when it changes."""

    changed = Signal()

    def __init__(
        self, application: QApplication, preference: Appearance = "system", parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.icons: dict[tuple[object, ...], QIcon] = {}  # made so far, by desktop.ui.shell.icons
        self._application = application
        self._preference: Appearance = preference
        tokens = json.loads(read_text("theme", "tokens.json"))
        self._tokens: dict[Scheme, dict[str, str]] = {"light": tokens["light"], "dark": tokens["dark"]}
        self._template = Template(read_text("theme", "heft.qss"))
        hints = application.styleHints()
        self._system = hints.colorScheme()
        hints.colorSchemeChanged.connect(self._on_system)
        self._scheme = self._wanted()
        application.setStyle(QStyleFactory.create("fusion"))
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        font.setPixelSize(BASE_FONT_PIXELS)
        application.setFont(font)
        self._apply()

    @property
    def scheme(self) -> Scheme:
        """The scheme in force."""
        return self._scheme

    @property
    def preference(self) -> Appearance:
        """What the user asked for; ``system`` follows the desktop live."""
        return self._preference

    @property
    def tokens(self) -> dict[str, str]:
        """A copy of the tokens of the scheme in force, as ``#rrggbb``."""
        return dict(self._tokens[self._scheme])

    @cached_property
    def monospace(self) -> QFont:
        """The system's fixed-width font at the base size."""
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(BASE_FONT_PIXELS)
        return font

    def color(self, token: str) -> QColor:
        """The colour of a token in the scheme in force; KeyError for an unknown one."""
        return QColor(self._tokens[self._scheme][token])

    def set_preference(self, which: Appearance) -> None:
        """Follow the system, or hold one scheme."""
        self._preference = which
        self._follow()

    def _wanted(self) -> Scheme:
        if self._preference != "system":
            return self._preference
        return "dark" if self._system == Qt.ColorScheme.Dark else "light"

    def _on_system(self, scheme: Qt.ColorScheme) -> None:
        self._system = scheme
        self._follow()

    def _follow(self) -> None:
        wanted = self._wanted()
        if wanted != self._scheme:
            self._scheme = wanted
            self._apply()
            self.changed.emit()

    def style_sheet(self) -> str:
        """The style sheet of the scheme in force."""
        icons = (FOLDER / "icons").as_posix()
        return self._template.substitute(self._tokens[self._scheme], icons=icons, scheme=self._scheme)

    def _palette(self) -> QPalette:
        palette = QPalette()
        for role, token in _PALETTE:
            palette.setColor(role, self.color(token))
        muted = self.color("text_muted")
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, muted)
        return palette

    def _apply(self) -> None:
        self._application.setPalette(self._palette())
        self._application.setStyleSheet(self.style_sheet())


def set_role(widget: QWidget, role: str) -> None:
    """Set the style sheet's dynamic property ``role`` and restyle the widget."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
