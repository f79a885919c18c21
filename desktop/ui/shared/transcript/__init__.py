"""The transcript of a chat.

``TranscriptView(theme, parent=None, formulas=None)`` shows ``TranscriptMessage`` values and asks for things by
signals; it changes nothing by itself. Without ``formulas`` those of an answer are shown as they were written::

    set_messages(messages)          the whole branch, root to leaf; goes to the newest message
    add_message(message)            at the end
    append_text(id, text)           a piece of a streaming answer; painted in batches, 30 per second
    append(id, Addition)            the same, with reasoning before the answer
    show_reasoning(id, shown)       unfolds or folds the reasoning of an answer
    replace_message(message)        same id: final text, state, statistics, note, siblings
    clear()
    set_prompt_progress(id, text)   words shown while an answer has no text yet ("Reading the prompt, 40 %")
    set_busy(busy)                  while an answer is generated, actions that start another one are not offered

    regenerate_requested(int id)    edit_requested(int id)      continue_requested(int id)
    branch_requested(int id, int delta)   delta is -1 or +1
    fork_requested(int id)          delete_requested(int id)
    link_activated(str address)     the person confirmed that it may be opened; http, https or mailto only
    copied(str what)                something went to the clipboard ("Message copied"), for a quiet notice
"""

from __future__ import annotations

from desktop.ui.shared.transcript.formulas import Formulas
from desktop.ui.shared.transcript.message import Addition, TranscriptMessage
from desktop.ui.shared.transcript.view import TranscriptView

__all__ = ["Addition", "Formulas", "TranscriptMessage", "TranscriptView"]
