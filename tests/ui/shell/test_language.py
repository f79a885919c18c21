"""The window in the language that the settings name, from its real start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import resources
from desktop.core.words import parsed
from desktop.store.paths import default_paths

# What stands on the window when it begins to wait for events, and on Qt's own buttons.
SEEN = """
import json, sys
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QLabel
import desktop.start

def seen():
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    texts = [each.text() for kind in (QLabel, QAbstractButton) for each in box.findChildren(kind)]
    for each in QApplication.allWidgets():
        texts += [each.accessibleName(), each.text() if isinstance(each, (QLabel, QAbstractButton)) else ""]
    print(json.dumps(sorted({text for text in texts if text})))
    return 0

QApplication.exec = staticmethod(seen)
sys.exit(desktop.start.main([]))
"""


def seen(language: str, home: Path) -> list[str]:
    paths = default_paths()
    paths.settings.parent.mkdir(parents=True, exist_ok=True)
    paths.settings.write_text(json.dumps({"schema_version": 2, "language": language, "load_at_start": False}))
    environment = {name: value for name, value in os.environ.items() if name != "HEFT_LANGUAGE"}
    environment |= {"HEFT_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", SEEN], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("language", "cancel"), [("de", "Abbrechen"), ("zh_CN", "取消")])
def test_the_window_speaks_it_and_so_do_qts_own_buttons(heft_home: Path, language: str, cancel: str) -> None:
    catalogue = parsed((Path(resources.__file__).parent / "translations" / f"heft_{language}.ts").read_bytes())
    texts = seen(language, heft_home)
    for page in ("Discover", "Library", "Inspect", "Machine"):
        assert catalogue[page] in texts and catalogue[page] != page
        assert page not in texts
    assert any(text.replace("&", "").startswith(cancel) for text in texts)


def test_the_system_s_language_where_none_is_chosen_and_there_is_no_other(heft_home: Path) -> None:
    assert {"Discover", "Library", "Inspect", "Machine"} <= set(seen("system", heft_home))
