"""What can be done on the page Serve."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Condition, Declared

ON = Condition("serve-on", tr("Switch serving on first."))
OTHER_SERVES = Condition("serve-other-process", tr("No other process of Heft's serves."))
FAILED = Condition("serve-failed", tr("Nothing has failed."))
CAN_LOAD = Condition("serve-model-unloaded", tr("Choose a model that is not loaded."))
CAN_UNLOAD = Condition("serve-model-loaded", tr("Choose a model that is loaded."))

SWITCH = Action(
    "serve.switch",
    tr("Serve other programs, or stop it"),
    tip=tr("Let other programs on this computer use your models, or stop it"),
    short=tr("Switch on"),
)
TRY_AGAIN = Action(
    "serve.try-again", tr("Try again to serve other programs"), needs=(FAILED,), short=tr("Try again"), icon="refresh"
)
STOP_OTHER = Action(
    "serve.stop-other",
    tr("Stop the other process of Heft's, and serve from this window"),
    needs=(OTHER_SERVES,),
    short=tr("Stop it and serve here"),
)
OPEN_NETWORK = Action(
    "serve.network",
    tr("Open the server to the network, or close it…"),
    tip=tr("Let other computers in your network use your models"),
    short=tr("Open to the network…"),
)
WEB_PAGE = Action(
    "serve.web-page",
    tr("llama.cpp's own web page: offer it, open it…"),
    tip=tr("A chat in the browser, for a phone in the same network"),
    short=tr("Web page…"),
)
COPY_ADDRESS = Action("serve.copy-address", tr("Copy the server's address"), icon="copy", short=tr("Copy"))
SHOW_KEY = Action("serve.show-key", tr("Show or hide the server's key"), short=tr("Show"), checkable=True)
COPY_KEY = Action("serve.copy-key", tr("Copy the server's key"), icon="copy", short=tr("Copy"))
NEW_KEY = Action("serve.new-key", tr("Make another key for the server…"), short=tr("New key…"))
COPY_LINES = Action("serve.copy-lines", tr("Copy the lines that connect a program"), icon="copy", short=tr("Copy"))
LOAD = Action(
    "serve.load",
    tr("Load the chosen model for other programs"),
    ("Enter", "Return"),
    needs=(ON, CAN_LOAD),
    widget="serveModels",
    short=tr("Load"),
)
UNLOAD = Action(
    "serve.unload",
    tr("Unload the chosen model"),
    ("Del",),
    tip=tr("Free its memory as soon as no answer uses it"),
    needs=(CAN_UNLOAD,),
    widget="serveModels",
    short=tr("Unload"),
)
SETTINGS = Action("serve.settings", tr("Settings of the server"), icon="settings", short=tr("Settings…"))
LOG = Action("serve.log", tr("The server's log…"), short=tr("Log…"))
FIND_MODELS = Action(
    "serve.find-models", tr("Find a model to serve"), short=tr("Find one in Discover"), icon="discover"
)

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
