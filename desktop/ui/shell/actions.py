"""What can be done from everywhere in the window."""

from __future__ import annotations

from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

PALETTE = Action(
    "window.palette",
    "Find an action, model or chat…",
    ("Ctrl+K", "Ctrl+Shift+P"),
    tip="Find anything that can be done, opened or set",
)
OPEN_FILE = Action("window.open-file", "Open a model file and chat…", ("Ctrl+O",), icon="folder")
INSPECT_FILE = Action("window.inspect-file", "Inspect a model file…", ("Ctrl+I",), icon="inspect")
APPEARANCE_SYSTEM = Action(
    "window.appearance-system", "Appearance as the system", short="Light or dark as the system", checkable=True
)
APPEARANCE_LIGHT = Action("window.appearance-light", "Light appearance", short="Light", checkable=True)
APPEARANCE_DARK = Action("window.appearance-dark", "Dark appearance", short="Dark", checkable=True)
LOAD_AT_START = Action(
    "window.load-at-start",
    "Load a model when Heft starts",
    tip="The last one when it fits into half of the free memory or its server answers, else the starter model",
    checkable=True,
)
JOBS = Action("window.jobs", "Show all long work: downloads, checks, calibrations", ("Ctrl+J",))
DONE_JOBS = Condition("jobs-done", "No work in the list is finished.")
CLEAR_JOBS = Action(
    "window.clear-jobs", "Take finished work out of the list of jobs", needs=(DONE_JOBS,), short="Clear finished"
)
SHORTCUTS = Action("window.shortcuts", "Keyboard shortcuts", ("Ctrl+/", "F1"))
DISMISS = Action("window.dismiss-message", "Dismiss the newest message", ("Ctrl+Shift+X",), icon="close")
LOGS = Action("window.logs", "Open the log folder", icon="folder")
REPORT = Action(
    "window.report",
    "Save a report for an issue",
    tip="Logs, versions and this computer in one file, without names and chats",
)
ABOUT = Action("window.about", "About Heft", icon="info")
SETTINGS = Action("window.settings", "Settings", ("Ctrl+,",), icon="settings")
QUIT = Action("window.quit", "Quit Heft", ("Ctrl+Q",))

PALETTE_KEYS = WidgetKeys(
    "Choose in what was found, do it, go back",
    "paletteField",
    (
        ("Up", -1),
        ("Down", 1),
        ("Backtab", -1),
        ("Shift+Backtab", -1),
        ("Tab", 1),
        ("PgUp", -8),
        ("PgDown", 8),
        ("Enter", "choose"),
        ("Return", "choose"),
        ("Esc", "leave"),
    ),
    shown="In it: Up, Down, Enter, Esc",
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
    return Action(f"window.visit-{name}", f"Go to {title}", keys, tip=title, icon=icon)
