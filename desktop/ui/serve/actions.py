"""What can be done on the page Serve."""

from __future__ import annotations

from desktop.ui.shell.action import Action, Condition, Declared

ON = Condition("serve-on", "Switch serving on first.")
OTHER_SERVES = Condition("serve-other-process", "No other process of Heft's serves.")
FAILED = Condition("serve-failed", "Nothing has failed.")
CAN_LOAD = Condition("serve-model-unloaded", "Choose a model that is not loaded.")
CAN_UNLOAD = Condition("serve-model-loaded", "Choose a model that is loaded.")

SWITCH = Action(
    "serve.switch",
    "Serve other programs, or stop it",
    tip="Let other programs on this computer use your models, or stop it",
    short="Switch on",
)
TRY_AGAIN = Action(
    "serve.try-again", "Try again to serve other programs", needs=(FAILED,), short="Try again", icon="refresh"
)
STOP_OTHER = Action(
    "serve.stop-other",
    "Stop the other process of Heft's, and serve from this window",
    needs=(OTHER_SERVES,),
    short="Stop it and serve here",
)
OPEN_NETWORK = Action(
    "serve.network",
    "Open the server to the network, or close it…",
    tip="Let other computers in your network use your models",
    short="Open to the network…",
)
WEB_PAGE = Action(
    "serve.web-page",
    "llama.cpp's own web page: offer it, open it…",
    tip="A chat in the browser, for a phone in the same network",
    short="Web page…",
)
COPY_ADDRESS = Action("serve.copy-address", "Copy the server's address", icon="copy", short="Copy")
SHOW_KEY = Action("serve.show-key", "Show or hide the server's key", short="Show", checkable=True)
COPY_KEY = Action("serve.copy-key", "Copy the server's key", icon="copy", short="Copy")
NEW_KEY = Action("serve.new-key", "Make another key for the server…", short="New key…")
COPY_LINES = Action("serve.copy-lines", "Copy the lines that connect a program", icon="copy", short="Copy")
LOAD = Action(
    "serve.load",
    "Load the chosen model for other programs",
    ("Enter", "Return"),
    needs=(ON, CAN_LOAD),
    widget="serveModels",
    short="Load",
)
UNLOAD = Action(
    "serve.unload",
    "Unload the chosen model",
    ("Del",),
    tip="Free its memory as soon as no answer uses it",
    needs=(CAN_UNLOAD,),
    widget="serveModels",
    short="Unload",
)
SETTINGS = Action("serve.settings", "Settings of the server", icon="settings", short="Settings…")
LOG = Action("serve.log", "The server's log…", short="Log…")
FIND_MODELS = Action("serve.find-models", "Find a model to serve", short="Find one in Discover", icon="discover")

SERVE_ACTIONS: Declared = (
    SWITCH,
    TRY_AGAIN,
    STOP_OTHER,
    OPEN_NETWORK,
    WEB_PAGE,
    COPY_ADDRESS,
    SHOW_KEY,
    COPY_KEY,
    NEW_KEY,
    COPY_LINES,
    LOAD,
    UNLOAD,
    SETTINGS,
    LOG,
    FIND_MODELS,
)
