"""What the chat's actions call, and when they are possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from desktop.ui.chat import actions
from desktop.ui.shared import transcript_keys as keys
from desktop.ui.shared.signals import calling
from desktop.ui.shell.action_registry import ActionRegistry

if TYPE_CHECKING:
    from desktop.store.chats import Message
    from desktop.ui.chat.chat_list import ChatListPane
    from desktop.ui.chat.comparing import Comparing
    from desktop.ui.chat.composer import Composer
    from desktop.ui.chat.conversation import Conversation
    from desktop.ui.chat.model_menu import ModelMenu
    from desktop.ui.chat.model_settings import ModelSettings
    from desktop.ui.chat.sampling_panel import SamplingPanel
    from desktop.ui.chat.seen_part import SeenPart
    from desktop.ui.chat.tidying import Tidying
    from desktop.ui.shared.transcript import TranscriptView


@dataclass(frozen=True)
class ChatParts:
    """The parts of the page that act. ``transcript`` makes the view where there is none yet."""

    talk: Conversation
    composer: Composer
    rows: ChatListPane
    model: ModelMenu
    transcript: Callable[[], TranscriptView]
    settings: ModelSettings
    sampling: SamplingPanel
    seen: SeenPart
    tidying: Tidying
    comparing: Comparing


def connect_actions(commands: ActionRegistry, parts: ChatParts) -> None:
    """Connect what one part alone does; the page connects what takes several."""
    talk, composer, rows, transcript = parts.talk, parts.composer, parts.rows, parts.transcript

    def with_answer(call: Callable[[int], object]) -> None:
        if talk.last_answer is not None:
            call(talk.last_answer.id)

    def answer_has(holds: Callable[[Message], bool]) -> bool:
        return talk.last_answer is not None and holds(talk.last_answer)

    def copy_all(message_id: int) -> None:
        transcript().copy_message(message_id, reasoning=True)

    def alternatives(message_id: int) -> None:
        from desktop.ui.chat.joined_transcript import show_alternatives

        view = transcript()
        show_alternatives(view, talk, message_id, 0, view.mapToGlobal(view.rect().center()))

    def thought() -> bool:
        answer = talk.last_answer
        return answer is not None and bool(answer.reasoning or transcript().reasoning_of(answer.id))

    def has_text(answer: Message) -> bool:
        return bool(answer.content.strip() or answer.reasoning.strip()) or answer.state == "streaming"

    def cut_off() -> bool:
        from desktop.ui.shared.transcript.message import CONTINUABLE  # not before there is a message to show

        return answer_has(lambda answer: answer.state in CONTINUABLE and has_text(answer))

    commands.connect_to(actions.SEARCH, rows.focus_search)
    commands.connect_to(actions.WRITE, lambda: composer.setFocus(Qt.FocusReason.ShortcutFocusReason))
    commands.connect_to(actions.CHOOSE_MODEL, parts.model.open_menu)
    commands.connect_to(actions.THINKING, composer.thinking.open_menu)
    commands.connect_to(actions.SEND, composer.send)
    commands.connect_to(actions.STOP, talk.stop)
    commands.connect_to(actions.REGENERATE, lambda: with_answer(talk.regenerate))
    commands.connect_to(actions.COMPARE, lambda: with_answer(parts.comparing.open))
    commands.connect_to(actions.ANSWER_TWICE, lambda: with_answer(parts.comparing.answer_twice))
    commands.connect_to(actions.CONTINUE, lambda: with_answer(talk.continue_))
    commands.connect_to(actions.COPY_ANSWER, lambda: with_answer(transcript().copy_message))
    commands.connect_to(actions.COPY_WITH_REASONING, lambda: with_answer(copy_all))
    commands.connect_to(actions.ALTERNATIVES, lambda: with_answer(alternatives))
    commands.ask(actions.ALTERNATIVES_KEPT, lambda: answer_has(lambda answer: talk.alternatives(answer.id) is not None))
    commands.connect_to(actions.REASONING, lambda: with_answer(transcript().show_reasoning))
    commands.connect_to(actions.EARLIER_VERSION, lambda: with_answer(lambda answer: talk.switch(answer, -1)))
    commands.connect_to(actions.LATER_VERSION, lambda: with_answer(lambda answer: talk.switch(answer, 1)))
    commands.connect_to(actions.RELOAD, parts.settings.reload)
    commands.connect_to(actions.SAVE_PRESET, parts.sampling.save_preset_asked.emit)
    commands.connect_to(actions.SAVE_PROMPT, parts.sampling.prompt.save_asked.emit)
    commands.connect_to(actions.CHOOSE_PROMPT, parts.sampling.prompt.open_choice)
    commands.ask(actions.PROMPTS_SAVED, lambda: parts.sampling.prompt.has_prompts)
    commands.connect_to(actions.UNDO_DELETE, rows.undo_delete)
    composer.undo_asked.connect(rows.undo_delete)
    rows.undo_offered.connect(composer.note_deletion)
    commands.connect_to(keys.COPY, lambda: transcript().copy_selection())
    commands.connect_to(keys.COPY_MARKDOWN, lambda: transcript().copy_selection(markdown=True))
    commands.connect_to(keys.SELECT_ALL, lambda: transcript().select_all())
    commands.connect_to(actions.RENAME, rows.chosen.rename)
    commands.connect_to(actions.EXPORT_MARKDOWN, lambda: rows.chosen.export("markdown"))
    commands.connect_to(actions.EXPORT_HTML, lambda: rows.chosen.export("html"))
    commands.connect_to(actions.EXPORT_PDF, lambda: rows.chosen.export("pdf"))
    commands.connect_to(actions.EXPORT_JSON, lambda: rows.chosen.export("json"))
    commands.connect_to(actions.DELETE, rows.chosen.delete)
    commands.connect_to(actions.IMPORT, rows.import_asked.emit)
    commands.connect_to(actions.DUPLICATE, rows.chosen.duplicate)
    for action, call in (
        (actions.PIN, rows.chosen.pin),
        (actions.MOVE, rows.chosen.choose_folder),
        (actions.TAGS, rows.chosen.tag),
        (actions.ARCHIVE, rows.chosen.archive),
        (actions.NEW_FOLDER, calling(rows.folder_asked.emit, None)),
        (actions.SHOW_ARCHIVE, calling(rows.turn_place, "archive")),
        (actions.SHOW_TRASH, calling(rows.turn_place, "trash")),
        (actions.EVERYWHERE, rows.turn_everywhere),
        (actions.RESTORE, rows.chosen.restore),
        (actions.DELETE_FOR_GOOD, rows.chosen.delete_for_good),
        (actions.EMPTY_TRASH, rows.empty_asked.emit),
    ):
        commands.connect_to(action, call)
    commands.connect_to(actions.FORK, calling(parts.tidying.fork, None))
    commands.connect_to(actions.DELETE_MESSAGE, calling(parts.tidying.take_out, None))
    bar = parts.seen.bar
    commands.connect_to(actions.SHOW_ALL, parts.seen.show_all)
    commands.connect_to(actions.SUMMARY, bar.fold.toggle)
    commands.ask(actions.VIEW_CUT, lambda: bar.cut)
    commands.ask(actions.SUMMED_UP, lambda: bar.summed_up)
    commands.ask(actions.IN_LIST, lambda: rows.chosen.chat is not None)
    commands.ask(actions.IN_TRASH, lambda: rows.chosen.trashed is not None)
    commands.ask(actions.TRASH_FULL, lambda: rows.trash_full)
    commands.ask(actions.WRITTEN, lambda: composer.written)
    commands.ask(actions.IDLE, lambda: not talk.busy)
    commands.ask(actions.ANSWERING, lambda: talk.busy)
    commands.ask(actions.ASKED, lambda: any(message.role == "user" for message in talk.branch))
    commands.ask(actions.ANSWERED, lambda: talk.last_answer is not None)
    commands.ask(actions.HAS_TEXT, lambda: answer_has(has_text))
    commands.ask(actions.THOUGHT, thought)
    commands.ask(actions.CUT_OFF, cut_off)
    commands.ask(actions.HAS_EARLIER, lambda: answer_has(lambda answer: answer.sibling_index > 0))
    commands.ask(actions.HAS_LATER, lambda: answer_has(lambda answer: answer.sibling_index < answer.sibling_count - 1))
    commands.ask(actions.SET_OTHERWISE, lambda: parts.settings.set_otherwise)
    commands.ask(actions.DELETED, lambda: rows.can_undo)
    commands.ask(actions.THINKS, lambda: composer.thinking.offered)
    commands.ask(actions.LOADING, lambda: parts.model.loading)
    commands.ask(keys.SOMETHING_SELECTED, lambda: bool(talk.branch) and transcript().has_selection)
