"""Icons are made once: Qt keeps what it paints of every icon that was ever made."""

from __future__ import annotations

import pytest

from desktop.ui.shell.icons import icon
from desktop.ui.shell.theme import Theme


def test_the_same_icon_is_not_made_twice(theme: Theme) -> None:
    first = icon(theme, "send", size=14, token="text")
    assert icon(theme, "send", size=14, token="text").cacheKey() == first.cacheKey()
    assert icon(theme, "send", size=14, token="accent").cacheKey() != first.cacheKey()
    assert icon(theme, "send", size=20, token="text").cacheKey() != first.cacheKey()


def test_another_scheme_has_icons_of_its_own(theme: Theme) -> None:
    theme.set_preference("light")
    light = icon(theme, "send").pixmap(20, 20).toImage()
    theme.set_preference("dark")
    assert icon(theme, "send").pixmap(20, 20).toImage() != light


def test_an_unknown_icon_is_an_error(theme: Theme) -> None:
    with pytest.raises(FileNotFoundError):
        icon(theme, "no such icon")
