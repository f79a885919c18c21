"""What may come along with the variant that is meant, each with its size: by a box, or by itself where it is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.core.units import human_bytes
from desktop.core.variants import Companion, CompanionKind
from desktop.core.words import tr
from desktop.services.discover.picker_records import VariantRow
from desktop.services.models.companion_words import NAMES, USES, companion_words, file_name, file_words
from desktop.services.models.downloads_records import DownloadState
from desktop.ui.discover import actions
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shell.action import Action, Condition
from desktop.ui.shell.action_registry import ActionRegistry

_THEN: Mapping[CompanionKind, str] = {"draft": tr("Once it is here, name it under “How it loads”.")}
_NEEDS = 640  # pixels that a box and what is said of it need beside each other
_FETCHED_BY: Mapping[CompanionKind, tuple[Action, Condition]] = {
    "projector": (actions.FETCH_PROJECTOR, actions.PROJECTOR_MISSES),
    "draft": (actions.FETCH_DRAFT, actions.DRAFT_MISSES),
}


class CompanionsPanel(QWidget):
    """A line for each companion; hidden where the variant has none. What is ticked holds for all of the repo."""

    fetch_asked = Signal(str)  # CompanionKind that is wanted now: its variant is here

    def __init__(self, commands: ActionRegistry, parent: QWidget | None = None) -> None:
        """``commands`` are the page's."""
        super().__init__(parent)
        self.setObjectName("companions")
        self.setAccessibleName(tr("What may come along"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._lines = {kind: _Line(kind, commands, self._asker(kind)) for kind in _FETCHED_BY}
        for line in self._lines.values():
            column.addWidget(line)
        self.hide()

    @property
    def along(self) -> frozenset[CompanionKind]:
        """The companions that a download is to bring."""
        return frozenset(kind for kind, line in self._lines.items() if line.box.isChecked())

    def clear(self) -> None:
        """Another repo: nothing comes along unasked."""
        for line in self._lines.values():
            line.box.setChecked(False)

    def show_row(self, row: VariantRow | None, *, here: bool, downloads: Sequence[DownloadState]) -> None:
        """Show those of a variant, which is on this computer already where ``here``; ``downloads`` are the repo's."""
        found = {one.kind: one for one in row.variant.companions} if row is not None else {}
        own = [file.path for file in row.variant.files] if row is not None else []
        under_way = any(state.phase != "finished" and state.brings(own) for state in downloads)
        for kind, line in self._lines.items():
            companion = found.get(kind)
            line.setVisible(companion is not None)
            if companion is None or row is None:
                line.fetches = False
                continue
            paths = [file.path for file in companion.files]
            coming = next((one for one in downloads if one.phase != "finished" and one.brings(paths)), None)
            line.show_companion(
                companion, here=kind in row.companions_here, variant_here=here, coming=coming, under_way=under_way
            )
        self.setVisible(bool(found))

    def _asker(self, kind: CompanionKind) -> Callable[[], None]:
        return lambda: self.fetch_asked.emit(kind)


class _Line(QWidget):
    """One companion: its box or its button, then what it is."""

    def __init__(self, kind: CompanionKind, commands: ActionRegistry, fetch: Callable[[], None]) -> None:
        super().__init__()
        action, condition = _FETCHED_BY[kind]
        self.fetches = False  # it can be fetched by itself now
        commands.connect_to(action, fetch)
        commands.ask(condition, lambda: self.fetches)
        self.box = QCheckBox()
        self.box.setObjectName(f"along_{kind}")
        self._button = commands.button(action, f"fetch_{kind}", role="small")
        self._words = plain_label(f"companion_{kind}", "muted", selectable=True)
        self._words.setMinimumWidth(1)
        self._words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._offered = QWidget()
        choice = QHBoxLayout(self._offered)
        choice.setContentsMargins(0, 0, 6, 0)
        for widget in (self.box, self._button):
            choice.addWidget(widget)
        choice.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(Beside(self._offered, self._words, needs=_NEEDS, stretch=(0, 1), spacing=2))

    def show_companion(
        self, companion: Companion, *, here: bool, variant_here: bool, coming: DownloadState | None, under_way: bool
    ) -> None:
        """Offer what can be done; ``under_way``: the variant comes already, with this one (``coming``) or without."""
        kind, name = companion.kind, NAMES[companion.kind]
        waits = here or coming is not None or under_way
        self.fetches = variant_here and not here and coming is None
        self.box.setText(
            tr("With the {name}, {size_bytes} more", name=name, size_bytes=human_bytes(companion.size_bytes))
        )
        self.box.setAccessibleName(tr("Download it with its {companion}", companion=companion_words(companion)))
        self.box.setVisible(not variant_here and not waits)
        self._button.setVisible(self.fetches)
        self._offered.setVisible(self.fetches or not (variant_here or waits))
        if here:
            words = tr("Here already: {companion}.", companion=companion_words(companion))
        elif coming is not None:
            words = tr("On its way: {companion}.", companion=companion_words(companion))
        elif under_way:
            words = tr(
                "Not in the download under way: {companion}. Fetch it when that is done.",
                companion=companion_words(companion),
            )
        else:
            words = f"{file_words(companion)}." if variant_here else f"{file_name(companion)}."
        self._words.setText(f"{words} {USES[kind]} {_THEN.get(kind, '')}".rstrip())
