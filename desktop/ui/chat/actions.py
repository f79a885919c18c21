"""What can be done on the page Chat."""

from __future__ import annotations

from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.transcript_keys import COPY, COPY_MARKDOWN, SELECT_ALL, TRANSCRIPT_KEYS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

IN_LIST = Condition("chat-in-list", "Choose a chat in the list first.")
WRITTEN = Condition("message-written", "Write a message first.")
IDLE = Condition("no-answer-running", "Wait for the answer, or stop it.")
ANSWERING = Condition("answer-running", "No answer is being written.")
ASKED = Condition("question-asked", "There is no question in this chat yet.")
ANSWERED = Condition("answer-there", "There is no answer in this chat yet.")
CUT_OFF = Condition("answer-cut-off", "The last answer is complete.")
LOADING = Condition("model-loading", "No model is being loaded.")

NEW = Action("chat.new", "New chat", ("Ctrl+N",), icon="plus")
SEARCH = Action("chat.search", "Search all chats", ("Ctrl+F",))
WRITE = Action("chat.write", "Write a message", ("Ctrl+L",), icon="edit")
CHOOSE_MODEL = Action("chat.choose-model", "Choose a model…", ("Ctrl+M",))
CANCEL_LOAD = Action("chat.cancel-load", "Cancel loading the model", needs=(LOADING,), icon="stop")
SEND = Action(
    "chat.send",
    "Send the message",
    ("Enter", "Return", "Ctrl+Enter", "Ctrl+Return"),
    icon="send",
    needs=(IDLE, WRITTEN),
    widget="composerText",
)
STOP = Action("chat.stop", "Stop the answer", ("Esc",), icon="stop", needs=(ANSWERING,), widget="composerText")
EDIT_LAST = Action(
    "chat.edit-last",
    "Edit the last question",
    ("Up",),
    icon="edit",
    needs=(IDLE, ASKED),
    widget="composerText",
)
REGENERATE = Action("chat.regenerate", "Answer once more", icon="refresh", needs=(IDLE, ANSWERED))
CONTINUE = Action("chat.continue", "Go on with the last answer", icon="play", needs=(IDLE, CUT_OFF))
RENAME = Action(
    "chat.rename", "Rename the chat", ("F2",), icon="edit", needs=(IN_LIST,), widget="chats", short="Rename"
)
EXPORT_MARKDOWN = Action(
    "chat.export-markdown", "Export the chat as Markdown…", needs=(IN_LIST,), short="Export as Markdown…"
)
EXPORT_JSON = Action("chat.export-json", "Export the chat as JSON…", needs=(IN_LIST,), short="Export as JSON…")
DELETE = Action(
    "chat.delete", "Delete the chat", ("Del",), icon="trash", needs=(IN_LIST,), widget="chats", short="Delete"
)

NEW_LINE = WidgetKeys("Begin a new line", "composerText", (("Shift+Enter", True), ("Shift+Return", True)))

CHAT_ACTIONS: Declared = (
    NEW,
    SEARCH,
    WRITE,
    CHOOSE_MODEL,
    CANCEL_LOAD,
    SEND,
    NEW_LINE,
    STOP,
    EDIT_LAST,
    REGENERATE,
    CONTINUE,
    COPY,
    COPY_MARKDOWN,
    SELECT_ALL,
    TRANSCRIPT_KEYS,
    RENAME,
    EXPORT_MARKDOWN,
    EXPORT_JSON,
    DELETE,
    CLEAR_SEARCH,
)
