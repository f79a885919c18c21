"""What can be done on the page Library."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.what_if_actions import THIS_COMPUTER
from desktop.ui.shell.action import Action, Condition, Declared

IN_LIST = Condition("model-in-list", tr("Choose a model in the list first."))
CAN_CHAT = Condition("model-can-chat", tr("This file cannot chat: choose a chat model."))
IN_PIECES = Condition("model-in-pieces", tr("This model is not in pieces, or not all of them are here."))
NOT_LOOKING = Condition("no-scan-running", tr("Heft is looking for models already."))

SEARCH = Action(
    "library.search",
    tr("Search the models of this computer"),
    ("Ctrl+F",),
    tip=tr("Words of a name, architecture, quantization or place"),
)
RESCAN = Action(
    "library.rescan", tr("Look for models again"), ("F5",), icon="refresh", needs=(NOT_LOOKING,), short=tr("Rescan")
)
OPEN_FILE = Action(
    "library.open-file", tr("Chat with a GGUF file anywhere on the disk…"), icon="folder", short=tr("Open file…")
)
ADD_FOLDER = Action("library.add-folder", tr("Add a folder that holds models…"), icon="plus", short=tr("Add folder…"))
CHAT = Action(
    "library.chat",
    tr("Chat with the selected model"),
    ("Enter", "Return"),
    icon="chat",
    needs=(IN_LIST, CAN_CHAT),
    widget="libraryTable",
    short=tr("Chat"),
)
INSPECT = Action(
    "library.inspect",
    tr("Inspect the selected model"),
    tip=tr("See what is inside the file"),
    icon="inspect",
    needs=(IN_LIST,),
    short=tr("Inspect"),
)
SET_UP = Action(
    "library.set-up",
    tr("Set how the selected model loads"),
    tip=tr("Context, KV cache, layers on the GPU and more"),
    needs=(IN_LIST,),
    short=tr("How it loads"),
)
SHOW_IN_FOLDER = Action(
    "library.show-in-folder",
    tr("Show the selected model in its folder"),
    tip=tr("Open the folder of the file"),
    icon="folder",
    needs=(IN_LIST,),
    short=tr("Show in folder"),
)
REMOVE = Action(
    "library.remove",
    tr("Remove the selected model…"),
    ("Del",),
    tip=tr("Remove the file from this computer"),
    icon="trash",
    needs=(IN_LIST,),
    widget="libraryTable",
    short=tr("Remove…"),
)

JOIN = Action(
    "library.join",
    tr("Join the pieces of the selected model into one file"),
    tip=tr("The pieces stay; the joined file lies beside them"),
    icon="plus",
    needs=(IN_LIST, IN_PIECES),
    short=tr("Join pieces"),
)

LIBRARY_ACTIONS: Declared = (
    SEARCH,
    CLEAR_SEARCH,
    RESCAN,
    OPEN_FILE,
    ADD_FOLDER,
    CHAT,
    INSPECT,
    SET_UP,
    SHOW_IN_FOLDER,
    REMOVE,
    JOIN,
    THIS_COMPUTER,
)
