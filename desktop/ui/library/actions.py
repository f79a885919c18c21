"""What can be done on the page Library."""

from __future__ import annotations

from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.what_if_actions import THIS_COMPUTER
from desktop.ui.shell.action import Action, Condition, Declared

IN_LIST = Condition("model-in-list", "Choose a model in the list first.")
CAN_CHAT = Condition("model-can-chat", "This file cannot chat: choose a chat model.")
IN_PIECES = Condition("model-in-pieces", "This model is not in pieces, or not all of them are here.")
NOT_LOOKING = Condition("no-scan-running", "Heft is looking for models already.")

SEARCH = Action(
    "library.search",
    "Search the models of this computer",
    ("Ctrl+F",),
    tip="Words of a name, architecture, quantization or place",
)
RESCAN = Action(
    "library.rescan", "Look for models again", ("F5",), icon="refresh", needs=(NOT_LOOKING,), short="Rescan"
)
OPEN_FILE = Action(
    "library.open-file", "Chat with a GGUF file anywhere on the disk…", icon="folder", short="Open file…"
)
ADD_FOLDER = Action("library.add-folder", "Add a folder that holds models…", icon="plus", short="Add folder…")
CHAT = Action(
    "library.chat",
    "Chat with the selected model",
    ("Enter", "Return"),
    icon="chat",
    needs=(IN_LIST, CAN_CHAT),
    widget="libraryTable",
    short="Chat",
)
INSPECT = Action(
    "library.inspect",
    "Inspect the selected model",
    tip="See what is inside the file",
    icon="inspect",
    needs=(IN_LIST,),
    short="Inspect",
)
SET_UP = Action(
    "library.set-up",
    "Set how the selected model loads",
    tip="Context, KV cache, layers on the GPU and more",
    needs=(IN_LIST,),
    short="How it loads",
)
SHOW_IN_FOLDER = Action(
    "library.show-in-folder",
    "Show the selected model in its folder",
    tip="Open the folder of the file",
    icon="folder",
    needs=(IN_LIST,),
    short="Show in folder",
)
REMOVE = Action(
    "library.remove",
    "Remove the selected model…",
    ("Del",),
    tip="Remove the file from this computer",
    icon="trash",
    needs=(IN_LIST,),
    widget="libraryTable",
    short="Remove…",
)

JOIN = Action(
    "library.join",
    "Join the pieces of the selected model into one file",
    tip="The pieces stay; the joined file lies beside them",
    icon="plus",
    needs=(IN_LIST, IN_PIECES),
    short="Join pieces",
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
