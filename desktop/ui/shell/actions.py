"""What can be done from everywhere in the window."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

PALETTE = Action(
    "window.palette",
    tr("Find an action, model or chat…"),
    ("Ctrl+K", "Ctrl+Shift+P"),
    tip=tr("Find anything that can be done, opened or set"),
)
OPEN_FILE = Action("window.open-file", tr("Open a model file and chat…"), ("Ctrl+O",), icon="folder")
INSPECT_FILE = Action("window.inspect-file", tr("Inspect a model file…"), ("Ctrl+I",), icon="inspect")
APPEARANCE_SYSTEM = Action(
    "window.appearance-system", tr("Appearance as the system"), short=tr("Light or dark as the system"), checkable=True
)
APPEARANCE_LIGHT = Action("window.appearance-light", tr("Light appearance"), short=tr("Light"), checkable=True)
APPEARANCE_DARK = Action("window.appearance-dark", tr("Dark appearance"), short=tr("Dark"), checkable=True)
LOAD_AT_START = Action(
    "window.load-at-start",
    tr("Load a model when Heft starts"),
    tip=tr("The last one when it fits into half of the free memory or its server answers, else the starter model"),
    checkable=True,
)
JOBS = Action("window.jobs", tr("Show all long work: downloads, checks, calibrations"), ("Ctrl+J",))
DONE_JOBS = Condition("jobs-done", tr("No work in the list is finished."))
CLEAR_JOBS = Action(
    "window.clear-jobs",
    tr("Take finished work out of the list of jobs"),
    needs=(DONE_JOBS,),
    short=tr("Clear finished"),
)
SHORTCUTS = Action("window.shortcuts", tr("Keyboard shortcuts"), ("Ctrl+/", "F1"))
DISMISS = Action("window.dismiss-message", tr("Dismiss the newest message"), ("Ctrl+Shift+X",), icon="close")
LOGS = Action("window.logs", tr("Open the log folder"), icon="folder")
REPORT = Action(
    "window.report",
    tr("Save a report for an issue"),
    tip=tr("Logs, versions and this computer in one file, without names and chats"),
)
ABOUT = Action("window.about", tr("About Heft"), icon="info")
SETTINGS = Action("window.settings", tr("Settings"), ("Ctrl+,",), icon="settings")
QUIT = Action("window.quit", tr("Quit Heft"), ("Ctrl+Q",))

PALETTE_KEYS = WidgetKeys(
    tr("Choose in what was found, do it, go back"),
    "paletteField",
    (
        ("Up", -1),
        ("Down", 1),
        (tr("Backtab"), -1),
        ("Shift+Backtab", -1),
        ("Tab", 1),
        ("PgUp", -8),
        ("PgDown", 8),
        ("Enter", "choose"),
        ("Return", "choose"),
        ("Esc", "leave"),
    ),
    shown=tr("In it: Up, Down, Enter, Esc"),
)

WINDOW_ACTIONS: Declared = (
    PALETTE,
    PALETTE_KEYS,
    OPEN_FILE,
    INSPECT_FILE,
    APPEARANCE_SYSTEM,
    APPEARANCE_LIGHT,
    APPEARANCE_DARK,
    LOAD_AT_START,
    JOBS,
    CLEAR_JOBS,
    SHORTCUTS,
    DISMISS,
    LOGS,
    REPORT,
    ABOUT,
    SETTINGS,
    QUIT,
)


def visit(number: int, name: str, title: str, icon: str) -> Action:
    """Going to the page at a place of the rail, counted from 1."""
    keys = (f"Ctrl+{number}",) if number <= 9 else ()
    return Action(f"window.visit-{name}", tr("Go to {title}", title=title), keys, tip=title, icon=icon)
