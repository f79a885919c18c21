"""What can be done on the page Chat."""

from __future__ import annotations

from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.transcript_keys import COPY, COPY_MARKDOWN, SELECT_ALL, TRANSCRIPT_KEYS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

IN_LIST = Condition("chat-in-list", "Choose a chat in the list first.")
IN_TRASH = Condition("chat-in-trash", "Choose a chat in the trash first.")
TRASH_FULL = Condition("trash-full", "Open the trash first; there has to be a chat in it.")
WRITTEN = Condition("message-written", "Write a message first.")
IDLE = Condition("no-answer-running", "Wait for the answer, or stop it.")
ANSWERING = Condition("answer-running", "No answer is being written.")
ASKED = Condition("question-asked", "There is no question in this chat yet.")
ANSWERED = Condition("answer-there", "There is no answer in this chat yet.")
HAS_TEXT = Condition("answer-has-text", "The last answer has no text.")
THOUGHT = Condition("answer-has-reasoning", "The last answer has no reasoning.")
CUT_OFF = Condition("answer-cut-off", "The last answer is complete.")
HAS_EARLIER = Condition("answer-has-earlier", "The last answer has no earlier version.")
HAS_LATER = Condition("answer-has-later", "The last answer has no later version.")
SET_OTHERWISE = Condition("set-otherwise", "The model is loaded as it is set up.")
DELETED = Condition("chat-deleted", "Nothing was deleted that can be brought back.")
THINKS = Condition("thinking-choosable", "No model is loaded whose chat template has a switch for its thinking.")
MODEL_HELD = Condition("model-held", "No model of this computer is loaded.")
VIEW_CUT = Condition("model-sees-part", "The model sees the whole conversation.")
SUMMED_UP = Condition("chat-summed-up", "No earlier turns of this chat are summarised.")
PROMPTS_SAVED = Condition("prompts-saved", "No system prompt is saved yet.")
ALTERNATIVES_KEPT = Condition(
    "alternatives-kept",
    "Nothing is kept of the last answer: switch on “Alternatives of each token” in Expert, then ask.",
)
TOOL_ASKED = Condition("tool-asked", "No tool is asked for.")
TOOL_CALL_ASKED = Condition("tool-call-asked", "No tool is asked for.")
TOOLS_ADDED = Condition("tools-added", "No server of tools was added yet: see Settings > Tools.")
LOADING = Condition("model-loading", "No model is being loaded.")

NEW = Action("chat.new", "New chat", ("Ctrl+N",), icon="plus")
SEARCH = Action("chat.search", "Search all chats", ("Ctrl+F",))
WRITE = Action("chat.write", "Write a message", ("Ctrl+L",), icon="edit")
CHOOSE_MODEL = Action("chat.choose-model", "Choose a model…", ("Ctrl+M",))
OTHER_SERVERS = Action(
    "chat.other-servers",
    "Add or change other servers…",
    tip="Servers whose models stand in the model menu",
    short="Other servers…",
)
STARTER = Action("chat.starter", "Load the starter model", tip="The small model that Heft brings")
CANCEL_LOAD = Action("chat.cancel-load", "Cancel loading the model", needs=(LOADING,), icon="stop")
THINKING = Action(
    "chat.thinking",
    "Choose how much the model thinks before it answers…",
    ("Ctrl+T",),
    needs=(THINKS,),
    tip="How much the model thinks before it answers",
    short="Thinking…",
)
TOOLS = Action(
    "chat.tools",
    "Choose the tools that the model is offered…",
    needs=(TOOLS_ADDED,),
    tip="The tools that the model is offered",
    short="Tools…",
)
TOOL_ONCE = Action("chat.tool-once", "Let the model call the tool this once", needs=(TOOL_ASKED,), short="Allow once")
TOOL_CHAT = Action(
    "chat.tool-chat", "Let the model call the tool in this chat", needs=(TOOL_CALL_ASKED,), short="Allow in this chat"
)
TOOL_ALWAYS = Action(
    "chat.tool-always",
    "Let models call the tool without asking, as long as it is the same",
    needs=(TOOL_CALL_ASKED,),
    short="Always allow this tool",
)
TOOL_NO = Action("chat.tool-no", "Do not let the model call the tool", needs=(TOOL_ASKED,), short="Do not allow")
SHOW_TEMPLATE = Action(
    "chat.show-template",
    "View or change the chat template of the loaded model…",
    icon="inspect",
    needs=(MODEL_HELD,),
    short="Chat template…",
)
SEND = Action(
    "chat.send",
    "Send the message",
    ("Enter", "Return", "Ctrl+Enter", "Ctrl+Return"),
    icon="send",
    needs=(IDLE, WRITTEN),
    widget="composerText",
)
ATTACH = Action(
    "chat.attach",
    "Attach a file…",
    ("Ctrl+Shift+A",),
    icon="attach",
    tip="Documents, pictures and sound go out with the message",
    short="Attach…",
)
ATTACH_DOCUMENT = Action("chat.attach-document", "Attach documents…", icon="document", short="Documents…")
ATTACH_PICTURE = Action("chat.attach-picture", "Attach pictures…", icon="image", short="Pictures…")
ATTACH_SOUND = Action("chat.attach-sound", "Attach sound…", icon="sound", short="Sound…")
STOP = Action("chat.stop", "Stop the answer", ("Esc",), icon="stop", needs=(ANSWERING,), widget="composerText")
EDIT_LAST = Action(
    "chat.edit-last",
    "Edit the last question",
    ("Up",),
    icon="edit",
    needs=(IDLE, ASKED),
    widget="composerText",
)
REGENERATE = Action(
    "chat.regenerate",
    "Regenerate the last answer",
    tip="Answer once more; the present answer is kept as a branch",
    icon="refresh",
    needs=(IDLE, ANSWERED),
)
COMPARE = Action(
    "chat.compare", "Compare the versions of the last answer side by side…", ("Ctrl+Shift+V",), needs=(ANSWERED,)
)
ANSWER_TWICE = Action(
    "chat.answer-twice",
    "Answer once more and compare both side by side…",
    needs=(IDLE, ANSWERED),
)
CONTINUE = Action(
    "chat.continue",
    "Continue the last answer",
    tip="Go on with the last answer where it stopped",
    icon="play",
    needs=(IDLE, ANSWERED, CUT_OFF),
)
COPY_ANSWER = Action("chat.copy-answer", "Copy the last answer as Markdown", icon="copy", needs=(ANSWERED, HAS_TEXT))
ALTERNATIVES = Action(
    "chat.alternatives",
    "Show what the model could have written instead, in the last answer",
    ("Ctrl+Shift+L",),
    needs=(ANSWERED, ALTERNATIVES_KEPT),
)
COPY_WITH_REASONING = Action(
    "chat.copy-with-reasoning", "Copy the last answer with its reasoning", icon="copy", needs=(ANSWERED, THOUGHT)
)
REASONING = Action(
    "chat.reasoning", "Show or hide the reasoning of the last answer", ("Ctrl+R",), needs=(ANSWERED, THOUGHT)
)
EARLIER_VERSION = Action(
    "chat.earlier-version", "Previous version of the last answer", needs=(IDLE, ANSWERED, HAS_EARLIER)
)
LATER_VERSION = Action("chat.later-version", "Next version of the last answer", needs=(IDLE, ANSWERED, HAS_LATER))
SHOW_ALL = Action(
    "chat.show-all",
    "Show the model the whole conversation again",
    icon="refresh",
    needs=(IDLE, VIEW_CUT),
    short="Show all again",
)
SUMMARY = Action("chat.summary", "Show or hide the summary of the earlier turns", needs=(SUMMED_UP,), short="Summary")
RELOAD = Action(
    "chat.reload",
    "Load the model again, with what is set now",
    icon="refresh",
    needs=(SET_OTHERWISE,),
    short="Load again",
)
SAVE_PRESET = Action("chat.save-preset", "Save the sampling as a preset…", short="Save as preset…")
SAVE_PROMPT = Action("chat.save-prompt", "Save the system prompt under a name…", short="Save prompt as…")
CHOOSE_PROMPT = Action(
    "chat.choose-prompt", "Choose a saved system prompt…", needs=(PROMPTS_SAVED,), short="Saved prompts…"
)
UNDO_DELETE = Action(
    "chat.undo-delete",
    "Bring back what was deleted",
    ("Ctrl+Z",),
    needs=(DELETED,),
    widget="composerText",
    short="Undo",
)
RENAME = Action(
    "chat.rename", "Rename the chat", ("F2",), icon="edit", needs=(IN_LIST,), widget="chats", short="Rename"
)
DUPLICATE = Action("chat.duplicate", "Duplicate the chat", icon="copy", needs=(IN_LIST,), short="Duplicate")
FORK = Action("chat.fork", "Go on with this conversation in a new chat", icon="plus", needs=(IDLE, ASKED))
DELETE_MESSAGE = Action(
    "chat.delete-message", "Remove the last message", icon="trash", needs=(IDLE, ASKED), short="Delete message"
)
EXPORT_MARKDOWN = Action(
    "chat.export-markdown", "Export the chat as Markdown…", needs=(IN_LIST,), short="Export as Markdown…"
)
EXPORT_HTML = Action("chat.export-html", "Export the chat as HTML…", needs=(IN_LIST,), short="Export as HTML…")
EXPORT_PDF = Action("chat.export-pdf", "Export the chat as PDF…", needs=(IN_LIST,), short="Export as PDF…")
EXPORT_JSON = Action("chat.export-json", "Export the chat as JSON…", needs=(IN_LIST,), short="Export as JSON…")
IMPORT = Action("chat.import", "Import conversations of other programs…", icon="plus", short="Import…")
DELETE = Action(
    "chat.delete", "Delete the chat", ("Del",), icon="trash", needs=(IN_LIST,), widget="chats", short="Delete"
)

PIN = Action(
    "chat.pin", "Pin the chat to the top, or unpin it", ("Ctrl+P",), needs=(IN_LIST,), widget="chats", short="Pin"
)
MOVE = Action(
    "chat.move",
    "Move the chat to a folder…",
    ("Ctrl+Shift+M",),
    icon="folder",
    needs=(IN_LIST,),
    widget="chats",
    short="Move to folder…",
)
TAGS = Action("chat.tags", "Change the tags of the chat…", ("Ctrl+G",), needs=(IN_LIST,), widget="chats", short="Tags…")
ARCHIVE = Action(
    "chat.archive",
    "Archive the chat, or take it out of the archive",
    ("Ctrl+E",),
    needs=(IN_LIST,),
    widget="chats",
    short="Archive",
)
NEW_FOLDER = Action("chat.new-folder", "New folder of chats…", icon="folder", short="New folder…")
SHOW_ARCHIVE = Action("chat.show-archive", "Show the archive of chats, or the chats again", short="Archive")
SHOW_TRASH = Action("chat.show-trash", "Show the trash of chats, or the chats again", icon="trash", short="Trash")
EVERYWHERE = Action(
    "chat.search-everywhere",
    "Search the archive and the trash, too, or not any more",
    short="Archive and trash, too",
)
RESTORE = Action("chat.restore", "Restore the chat from the trash", needs=(IN_TRASH,), short="Restore")
DELETE_FOR_GOOD = Action(
    "chat.delete-for-good", "Delete the chat for good…", needs=(IN_TRASH,), short="Delete for good…"
)
EMPTY_TRASH = Action("chat.empty-trash", "Empty the trash of chats…", needs=(TRASH_FULL,), short="Empty the trash…")
TOKEN_KEYS = WidgetKeys(
    "The token before or after it", "tokenAlternatives", (("Left", -1), ("Right", 1)), shown="Left, Right"
)
FOLDER_KEYS = WidgetKeys(
    "Open or close the folder", "chats", (("Return", "turn"), ("Enter", "turn"), ("Left", "close"), ("Right", "open"))
)

NEW_LINE = WidgetKeys("Begin a new line", "composerText", (("Shift+Enter", True), ("Shift+Return", True)))

CHAT_ACTIONS: Declared = (
    NEW,
    SEARCH,
    WRITE,
    CHOOSE_MODEL,
    OTHER_SERVERS,
    STARTER,
    THINKING,
    TOOLS,
    TOOL_ONCE,
    TOOL_CHAT,
    TOOL_ALWAYS,
    TOOL_NO,
    SHOW_TEMPLATE,
    CANCEL_LOAD,
    SEND,
    ATTACH,
    ATTACH_DOCUMENT,
    ATTACH_PICTURE,
    ATTACH_SOUND,
    NEW_LINE,
    STOP,
    EDIT_LAST,
    REGENERATE,
    COMPARE,
    ANSWER_TWICE,
    CONTINUE,
    COPY_ANSWER,
    COPY_WITH_REASONING,
    ALTERNATIVES,
    TOKEN_KEYS,
    REASONING,
    EARLIER_VERSION,
    LATER_VERSION,
    SHOW_ALL,
    SUMMARY,
    RELOAD,
    SAVE_PRESET,
    SAVE_PROMPT,
    CHOOSE_PROMPT,
    COPY,
    COPY_MARKDOWN,
    SELECT_ALL,
    TRANSCRIPT_KEYS,
    RENAME,
    DUPLICATE,
    FORK,
    DELETE_MESSAGE,
    EXPORT_MARKDOWN,
    EXPORT_HTML,
    EXPORT_PDF,
    EXPORT_JSON,
    IMPORT,
    PIN,
    MOVE,
    TAGS,
    ARCHIVE,
    NEW_FOLDER,
    SHOW_ARCHIVE,
    SHOW_TRASH,
    EVERYWHERE,
    RESTORE,
    DELETE_FOR_GOOD,
    EMPTY_TRASH,
    FOLDER_KEYS,
    DELETE,
    UNDO_DELETE,
    CLEAR_SEARCH,
)
