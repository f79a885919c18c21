"""The tokens can be read by everyone, the style sheet uses only known ones, and switching is live."""

from __future__ import annotations

import json
import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from desktop.system.packaged import FOLDER, read_text
from desktop.ui.shell.icons import application_icon, icon
from desktop.ui.shell.theme import BASE_FONT_PIXELS, Theme, set_role

TOKENS = json.loads(read_text("theme", "tokens.json"))

SURFACES = ("background", "surface", "raised")
TEXTS = ("text", "text_muted", "good", "warn", "bad")
TEXT_PAIRS = [(text, surface) for text in TEXTS for surface in SURFACES]
TEXT_PAIRS += [
    ("accent_text", "accent"),
    ("accent_text", "accent_hover"),
    ("selection_text", "selection"),
    ("text", "hover"),
    ("text", "bad_surface"),
    ("bad", "bad_surface"),
    ("warn", "warn_surface"),
    ("good", "good_surface"),
    ("accent", "background"),
    ("accent", "surface"),
    ("code_text", "code_background"),
]
TEXT_PAIRS += [(f"syntax_{kind}", "code_background") for kind in ("keyword", "string", "comment", "number", "name")]
# WCAG 2.2, 1.4.11: what has to be seen but not read needs 3:1
SHAPE_PAIRS = [("accent", surface) for surface in SURFACES]
SHAPE_PAIRS += [("control_border", surface) for surface in ("background", "surface")]
SHAPE_PAIRS += [(f"series_{n}", "surface") for n in range(1, 9)]


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.2."""

    def linear(channel: int) -> float:
        c = channel / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_gives_the_known_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WebAIM's published value


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "background"), TEXT_PAIRS)
def test_text_has_contrast(scheme: str, text: str, background: str) -> None:
    assert contrast(TOKENS[scheme][text], TOKENS[scheme][background]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "background"), SHAPE_PAIRS)
def test_shapes_have_contrast(scheme: str, shape: str, background: str) -> None:
    assert contrast(TOKENS[scheme][shape], TOKENS[scheme][background]) >= 3.0


def test_both_schemes_name_the_same_tokens() -> None:
    assert TOKENS["light"].keys() == TOKENS["dark"].keys()
    colors = [*TOKENS["light"].values(), *TOKENS["dark"].values()]
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)


def test_style_sheet_has_no_colour_of_its_own_and_its_pictures_exist(theme: Theme) -> None:
    source = read_text("theme", "heft.qss")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\s*[;}]", source)
    for scheme in ("light", "dark"):
        theme.set_preference(scheme)
        pictures = re.findall(r"url\(([^)]+)\)", theme.style_sheet())
        assert pictures
        for picture in pictures:
            assert QColor(picture).isValid() is False
            assert (FOLDER / "icons" / picture.rsplit("/", 1)[-1]).is_file()


def test_preference_switches_palette_style_and_tells(qtbot: QtBot, theme: Theme, qapp: QApplication) -> None:
    label = QLabel("text")
    qtbot.addWidget(label)
    label.show()
    with qtbot.waitSignal(theme.changed):
        theme.set_preference("dark")
    assert theme.scheme == "dark"
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(TOKENS["dark"]["background"])
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(TOKENS["dark"]["text"])
    assert TOKENS["dark"]["raised"] in qapp.styleSheet()
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_preference("dark")


def test_system_preference_follows_the_desktop_live(theme: Theme, qapp: QApplication) -> None:
    theme.set_preference("system")
    hints = qapp.styleHints()
    start = hints.colorScheme()
    # the offscreen platform has no desktop that could change its scheme; this is the signal it would send
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.scheme == "dark"
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.scheme == "light"
    hints.colorSchemeChanged.emit(start)


def test_a_held_scheme_ignores_the_desktop_until_it_is_let_go(qtbot: QtBot, theme: Theme, qapp: QApplication) -> None:
    hints = qapp.styleHints()
    start = hints.colorScheme()
    with qtbot.assertNotEmitted(theme.changed):
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.scheme == "light"
    theme.set_preference("system")
    assert theme.scheme == "dark"
    hints.colorSchemeChanged.emit(start)


def test_text_has_the_base_size(theme: Theme, qapp: QApplication) -> None:
    assert qapp.font().pixelSize() == BASE_FONT_PIXELS
    assert theme.monospace.pixelSize() == BASE_FONT_PIXELS


def test_role_changes_the_look_of_a_shown_widget(qtbot: QtBot, theme: Theme) -> None:
    label = QLabel("text")
    qtbot.addWidget(label)
    label.show()
    set_role(label, "bad")
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(TOKENS["light"]["bad"])
    set_role(label, "good")
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(TOKENS["light"]["good"])


@pytest.mark.parametrize("name", sorted(p.stem for p in (FOLDER / "icons").glob("*.svg") if p.stem != "heft"))
def test_every_icon_paints_something_in_the_tokens_colour(name: str, theme: Theme) -> None:
    image = icon(theme, name, size=32, token="accent").pixmap(32, 32).toImage()
    opaque = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 250
    ]
    assert opaque
    if not name.endswith(("-light", "-dark")):  # the style sheet's own pictures carry their colours
        assert QColor(TOKENS["light"]["accent"]) in opaque


def test_unknown_icon_is_an_error(theme: Theme) -> None:
    with pytest.raises(FileNotFoundError):
        icon(theme, "no-such-icon")


def test_application_icon_has_sizes(qapp: QApplication) -> None:
    assert len(application_icon().availableSizes()) == 2
