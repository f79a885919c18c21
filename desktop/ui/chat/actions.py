"""What can be done on the page Chat."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.search_field import CLEAR_SEARCH
from desktop.ui.shared.transcript_keys import COPY, COPY_MARKDOWN, SELECT_ALL, TRANSCRIPT_KEYS
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

IN_LIST = Condition("chat-in-list", tr("Choose a chat in the list first."))
IN_TRASH = Condition("chat-in-trash", tr("Choose a chat in the trash first."))
TRASH_FULL = Condition("trash-full", tr("Open the trash first; there has to be a chat in it."))
WRITTEN = Condition("message-written", tr("Write a message first."))
IDLE = Condition("no-answer-running", tr("Wait for the answer, or stop it."))
ANSWERING = Condition("answer-running", tr("No answer is being written."))
ASKED = Condition("question-asked", tr("There is no question in this chat yet."))
ANSWERED = Condition("answer-there", tr("There is no answer in this chat yet."))
HAS_TEXT = Condition("answer-has-text", tr("The last answer has no text."))
THOUGHT = Condition("answer-has-reasoning", tr("The last answer has no reasoning."))
CUT_OFF = Condition("answer-cut-off", tr("The last answer is complete."))
HAS_EARLIER = Condition("answer-has-earlier", tr("The last answer has no earlier version."))
HAS_LATER = Condition("answer-has-later", tr("The last answer has no later version."))
SET_OTHERWISE = Condition("set-otherwise", tr("The model is loaded as it is set up."))
DELETED = Condition("chat-deleted", tr("Nothing was deleted that can be brought back."))
THINKS = Condition("thinking-choosable", tr("No model is loaded whose chat template has a switch for its thinking."))
MODEL_HELD = Condition("model-held", tr("No model of this computer is loaded."))
VIEW_CUT = Condition("model-sees-part", tr("The model sees the whole conversation."))
SUMMED_UP = Condition("chat-summed-up", tr("No earlier turns of this chat are summarised."))
PROMPTS_SAVED = Condition("prompts-saved", tr("No system prompt is saved yet."))
ALTERNATIVES_KEPT = Condition(
    "alternatives-kept",
    tr("Nothing is kept of the last answer: switch on “Alternatives of each token” in Expert, then ask."),
)
TOOL_ASKED = Condition("tool-asked", tr("No tool is asked for."))
TOOL_CALL_ASKED = Condition("tool-call-asked", tr("No tool is asked for."))
TOOLS_ADDED = Condition("tools-added", tr("No server of tools was added yet: see Settings > Tools."))
LOADING = Condition("model-loading", tr("No model is being loaded."))

NEW = Action("chat.new", tr("New chat"), ("Ctrl+N",), icon="plus")
SEARCH = Action("chat.search", tr("Search all chats"), ("Ctrl+F",))
WRITE = Action("chat.write", tr("Write a message"), ("Ctrl+L",), icon="edit")
CHOOSE_MODEL = Action("chat.choose-model", tr("Choose a model…"), ("Ctrl+M",))
OTHER_SERVERS = Action(
    "chat.other-servers",
    tr("Add or change other servers…"),
    tip=tr("Servers whose models stand in the model menu"),
    short=tr("Other servers…"),
)
STARTER = Action("chat.starter", tr("Load the starter model"), tip=tr("The small model that Heft brings"))
CANCEL_LOAD = Action("chat.cancel-load", tr("Cancel loading the model"), needs=(LOADING,), icon="stop")
THINKING = Action(
    "chat.thinking",
    tr("Choose how much the model thinks before it answers…"),
    ("Ctrl+T",),
    needs=(THINKS,),
    tip=tr("How much the model thinks before it answers"),
    short=tr("Thinking…"),
)
TOOLS = Action(
    "chat.tools",
    tr("Choose the tools that the model is offered…"),
    needs=(TOOLS_ADDED,),
    tip=tr("The tools that the model is offered"),
    short=tr("Tools…"),
)
TOOL_ONCE = Action(
    "chat.tool-once", tr("Let the model call the tool this once"), needs=(TOOL_ASKED,), short=tr("Allow once")
)
TOOL_CHAT = Action(
    "chat.tool-chat",
    tr("Let the model call the tool in this chat"),
    needs=(TOOL_CALL_ASKED,),
    short=tr("Allow in this chat"),
)
TOOL_ALWAYS = Action(
    "chat.tool-always",
    tr("Let models call the tool without asking, as long as it is the same"),
    needs=(TOOL_CALL_ASKED,),
    short=tr("Always allow this tool"),
)
TOOL_NO = Action(
    "chat.tool-no", tr("Do not let the model call the tool"), needs=(TOOL_ASKED,), short=tr("Do not allow")
)
SHOW_TEMPLATE = Action(
    "chat.show-template",
    tr("View or change the chat template of the loaded model…"),
    icon="inspect",
    needs=(MODEL_HELD,),
    short=tr("Chat template…"),
)
SEND = Action(
    "chat.send",
    tr("Send the message"),
    ("Enter", "Return", "Ctrl+Enter", "Ctrl+Return"),
    icon="send",
    needs=(IDLE, WRITTEN),
    widget="composerText",
)
ATTACH = Action(
    "chat.attach",
    tr("Attach a file…"),
    ("Ctrl+Shift+A",),
    icon="attach",
    tip=tr("Documents, pictures and sound go out with the message"),
    short=tr("Attach…"),
)
ATTACH_DOCUMENT = Action("chat.attach-document", tr("Attach documents…"), icon="document", short=tr("Documents…"))
ATTACH_PICTURE = Action("chat.attach-picture", tr("Attach pictures…"), icon="image", short=tr("Pictures…"))
ATTACH_SOUND = Action("chat.attach-sound", tr("Attach sound…"), icon="sound", short=tr("Sound…"))
STOP = Action("chat.stop", tr("Stop the answer"), ("Esc",), icon="stop", needs=(ANSWERING,), widget="composerText")
EDIT_LAST = Action(
    "chat.edit-last",
    tr("Edit the last question"),
    ("Up",),
    icon="edit",
    needs=(IDLE, ASKED),
    widget="composerText",
)
REGENERATE = Action(
    "chat.regenerate",
    tr("Regenerate the last answer"),
    tip=tr("Answer once more; the present answer is kept as a branch"),
    icon="refresh",
    needs=(IDLE, ANSWERED),
)
COMPARE = Action(
    "chat.compare", tr("Compare the versions of the last answer side by side…"), ("Ctrl+Shift+V",), needs=(ANSWERED,)
)
ANSWER_TWICE = Action(
    "chat.answer-twice",
    tr("Answer once more and compare both side by side…"),
    needs=(IDLE, ANSWERED),
)
CONTINUE = Action(
    "chat.continue",
    tr("Continue the last answer"),
    tip=tr("Go on with the last answer where it stopped"),
    icon="play",
    needs=(IDLE, ANSWERED, CUT_OFF),
)
COPY_ANSWER = Action(
    "chat.copy-answer", tr("Copy the last answer as Markdown"), icon="copy", needs=(ANSWERED, HAS_TEXT)
)
ALTERNATIVES = Action(
    "chat.alternatives",
    tr("Show what the model could have written instead, in the last answer"),
    ("Ctrl+Shift+L",),
    needs=(ANSWERED, ALTERNATIVES_KEPT),
)
COPY_WITH_REASONING = Action(
    "chat.copy-with-reasoning", tr("Copy the last answer with its reasoning"), icon="copy", needs=(ANSWERED, THOUGHT)
)
REASONING = Action(
    "chat.reasoning", tr("Show or hide the reasoning of the last answer"), ("Ctrl+R",), needs=(ANSWERED, THOUGHT)
)
EARLIER_VERSION = Action(
    "chat.earlier-version", tr("Previous version of the last answer"), needs=(IDLE, ANSWERED, HAS_EARLIER)
)
LATER_VERSION = Action("chat.later-version", tr("Next version of the last answer"), needs=(IDLE, ANSWERED, HAS_LATER))
SHOW_ALL = Action(
    "chat.show-all",
    tr("Show the model the whole conversation again"),
    icon="refresh",
    needs=(IDLE, VIEW_CUT),
    short=tr("Show all again"),
)
SUMMARY = Action(
    "chat.summary", tr("Show or hide the summary of the earlier turns"), needs=(SUMMED_UP,), short=tr("Summary")
)
RELOAD = Action(
    "chat.reload",
    tr("Load the model again, with what is set now"),
    icon="refresh",
    needs=(SET_OTHERWISE,),
    short=tr("Load again"),
)
SAVE_PRESET = Action("chat.save-preset", tr("Save the sampling as a preset…"), short=tr("Save as preset…"))
SAVE_PROMPT = Action("chat.save-prompt", tr("Save the system prompt under a name…"), short=tr("Save prompt as…"))
CHOOSE_PROMPT = Action(
    "chat.choose-prompt", tr("Choose a saved system prompt…"), needs=(PROMPTS_SAVED,), short=tr("Saved prompts…")
)
UNDO_DELETE = Action(
    "chat.undo-delete",
    tr("Bring back what was deleted"),
    ("Ctrl+Z",),
    needs=(DELETED,),
    widget="composerText",
    short=tr("Undo"),
)
RENAME = Action(
    "chat.rename", tr("Rename the chat"), ("F2",), icon="edit", needs=(IN_LIST,), widget="chats", short=tr("Rename")
)
DUPLICATE = Action("chat.duplicate", tr("Duplicate the chat"), icon="copy", needs=(IN_LIST,), short=tr("Duplicate"))
FORK = Action("chat.fork", tr("Go on with this conversation in a new chat"), icon="plus", needs=(IDLE, ASKED))
DELETE_MESSAGE = Action(
    "chat.delete-message", tr("Remove the last message"), icon="trash", needs=(IDLE, ASKED), short=tr("Delete message")
)
EXPORT_MARKDOWN = Action(
    "chat.export-markdown", tr("Export the chat as Markdown…"), needs=(IN_LIST,), short=tr("Export as Markdown…")
)
EXPORT_HTML = Action("chat.export-html", "Export the chat as HTML…", needs=(IN_LIST,), short="Export as HTML…")
EXPORT_PDF = Action("chat.export-pdf", tr("Export the chat as PDF…"), needs=(IN_LIST,), short=tr("Export as PDF…"))
EXPORT_JSON = Action("chat.export-json", tr("Export the chat as JSON…"), needs=(IN_LIST,), short=tr("Export as JSON…"))
IMPORT = Action("chat.import", tr("Import conversations of other programs…"), icon="plus", short=tr("Import…"))
DELETE = Action(
    "chat.delete", tr("Delete the chat"), ("Del",), icon="trash", needs=(IN_LIST,), widget="chats", short=tr("Delete")
)

PIN = Action(
    "chat.pin",
    tr("Pin the chat to the top, or unpin it"),
    ("Ctrl+P",),
    needs=(IN_LIST,),
    widget="chats",
    short=tr("Pin"),
)
MOVE = Action(
    "chat.move",
    tr("Move the chat to a folder…"),
    ("Ctrl+Shift+M",),
    icon="folder",
    needs=(IN_LIST,),
    widget="chats",
    short=tr("Move to folder…"),
)
TAGS = Action(
    "chat.tags", tr("Change the tags of the chat…"), ("Ctrl+G",), needs=(IN_LIST,), widget="chats", short=tr("Tags…")
)
ARCHIVE = Action(
    "chat.archive",
    tr("Archive the chat, or take it out of the archive"),
    ("Ctrl+E",),
    needs=(IN_LIST,),
    widget="chats",
    short=tr("Archive"),
)
NEW_FOLDER = Action("chat.new-folder", tr("New folder of chats…"), icon="folder", short=tr("New folder…"))
SHOW_ARCHIVE = Action("chat.show-archive", tr("Show the archive of chats, or the chats again"), short=tr("Archive"))
SHOW_TRASH = Action(
    "chat.show-trash", tr("Show the trash of chats, or the chats again"), icon="trash", short=tr("Trash")
)
EVERYWHERE = Action(
    "chat.search-everywhere",
    tr("Search the archive and the trash, too, or not any more"),
    short=tr("Archive and trash, too"),
)
RESTORE = Action("chat.restore", tr("Restore the chat from the trash"), needs=(IN_TRASH,), short=tr("Restore"))
DELETE_FOR_GOOD = Action(
    "chat.delete-for-good", tr("Delete the chat for good…"), needs=(IN_TRASH,), short=tr("Delete for good…")
)
EMPTY_TRASH = Action(
    "chat.empty-trash", tr("Empty the trash of chats…"), needs=(TRASH_FULL,), short=tr("Empty the trash…")
)
TOKEN_KEYS = WidgetKeys(
    tr("The token before or after it"), "tokenAlternatives", (("Left", -1), ("Right", 1)), shown="Left, Right"
)
FOLDER_KEYS = WidgetKeys(
    tr("Open or close the folder"),
    "chats",
    (("Return", "turn"), ("Enter", "turn"), ("Left", "close"), ("Right", "open")),
)

NEW_LINE = WidgetKeys(tr("Begin a new line"), "composerText", (("Shift+Enter", True), ("Shift+Return", True)))

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
