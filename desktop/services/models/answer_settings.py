"""How each model is asked: a chat template in the place of its own, whether it thinks, and how much."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.core.answer_settings import NOTHING_ASKED, AnswerSettings
from desktop.core.errors import FileFormatError, UsageError
from desktop.core.gguf import read_header
from desktop.core.model_ref import ModelRef, identities
from desktop.core.text import one_line
from desktop.core.words import tr
from desktop.store.gguf_files import FileSource
from desktop.store.load_settings import LoadSettingsStore

if TYPE_CHECKING:
    from desktop.core.thinking import Thinking

_KEY = "tokenizer.chat_template"
_MAX_BYTES = 1 << 20
_MEND = "Mend the template, or take another one."


@dataclass(frozen=True)
class Asking:
    """How one model is asked, and what its template in use knows: a switch for thinking, and levels of effort."""

    settings: AnswerSettings = NOTHING_ASKED
    thinking: bool = False
    efforts: tuple[str, ...] = ()


class AnswerSettingsService:
    """Calls may come from any thread; all but :meth:`of` may read a header, and import jinja2."""

    def __init__(self, remembered: LoadSettingsStore, origin: Callable[[Path], str] = lambda _path: "") -> None:
        """``origin`` is the identity on the Hub of a file that was downloaded."""
        self._remembered, self._origin = remembered, origin
        self._lock = threading.Lock()
        self._own: tuple[object, str] | None = None  # the last file, and its template
        self._read: tuple[str, Thinking] | None = None  # the last template, and what it knows

    def of(self, ref: ModelRef) -> AnswerSettings:
        """What was set for a model, under any of its names."""
        found = (self._remembered.answers(identity) for identity in identities(ref, self._origin))
        return next((settings for settings in found if not settings.unset), AnswerSettings())

    def remember(self, ref: ModelRef, settings: AnswerSettings) -> None:
        """Ask a model so from now on. UsageError as of :meth:`checked`, StoreError where it cannot be kept."""
        self.checked(ref, settings, self.of(ref))
        for identity in identities(ref, self._origin):
            self._remembered.set_answers(identity, settings)

    def thinking(self, ref: ModelRef, settings: AnswerSettings) -> Thinking:
        """What the template in use knows."""
        source = settings.template if settings.template is not None else self.own_template(ref)
        with self._lock:
            if self._read is not None and self._read[0] == source:
                return self._read[1]
        from desktop.core.template_thinking import thinking_of

        found = thinking_of(source)
        with self._lock:
            self._read = source, found
        return found

    def asking(self, ref: ModelRef) -> Asking:
        """What is set for a model, and what can be."""
        settings = self.of(ref)
        knows = self.thinking(ref, settings)
        return Asking(settings, bool(knows.switch), knows.efforts)

    def for_answer(self, ref: ModelRef) -> AnswerSettings:
        """What is set, without what the template in use does not know: it may have been set for another one."""
        return self.known(ref, self.of(ref))

    def known(self, ref: ModelRef, settings: AnswerSettings) -> AnswerSettings:
        """Settings without what the template in use does not know; another server's is known when it is asked."""
        if settings.unset or ref.elsewhere is not None:
            return settings
        knows = self.thinking(ref, settings)
        thinking = settings.thinking if knows.switch else None
        return replace(settings, thinking=thinking, effort=settings.effort if settings.effort in knows.efforts else "")

    def checked(
        self, ref: ModelRef, settings: AnswerSettings, before: AnswerSettings = NOTHING_ASKED
    ) -> AnswerSettings:
        """The same. UsageError for a template that cannot be used, and for what the template in use does not know.

        What is as ``before`` is not refused: it may have been set with another template.
        """
        if settings.template is not None and settings.template != before.template:
            check_template(settings.template)
        if ref.elsewhere is not None:
            return settings
        knows = self.thinking(ref, settings)
        if settings.thinking is not None and settings.thinking != before.thinking and not knows.switch:
            raise UsageError(
                tr("The chat template of {name} has no switch for thinking.", name=ref.name),
                tr("It has levels of effort: {efforts}.", efforts=", ".join(knows.efforts))
                if knows.efforts
                else tr("Leave it to the model."),
            )
        if settings.effort and settings.effort != before.effort and settings.effort not in knows.efforts:
            raise UsageError(
                tr(
                    "The chat template of {name} knows no effort '{effort}'.",
                    name=ref.name,
                    effort=one_line(settings.effort, 40),
                ),
                tr("It has {efforts}.", efforts=", ".join(knows.efforts))
                if knows.efforts
                else tr("It has no levels: leave it to the model."),
            )
        return settings

    def own_template(self, ref: ModelRef) -> str:
        """The chat template in a model's file; "" where it has none or cannot be read."""
        path = ref.path
        if path is None:
            return ""
        try:
            now = path.stat()
            key = (path, now.st_mtime_ns, now.st_size)
            with self._lock:
                if self._own is not None and self._own[0] == key:
                    return self._own[1]
            with FileSource(path) as source:
                found = read_header(source).text(_KEY, _MAX_BYTES) or ""
        except (OSError, FileFormatError):
            return ""
        with self._lock:
            self._own = key, found
        return found


def check_template(source: str) -> None:
    """UsageError for a chat template that is no valid Jinja, or that is made to harm."""
    from desktop.core.template_checks import check_template as findings_of
    from desktop.core.template_syntax import MAX_CHARACTERS

    if len(source) > MAX_CHARACTERS:
        raise UsageError(tr("A chat template of {source:,} characters is too long.", source=len(source)), _MEND)
    for marked in findings_of(source):
        if marked.finding.severity == "error":
            raise UsageError(marked.finding.message, _MEND)
