"""What is searched for: the field, the chips, and the question to the Hub that follows from them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QVBoxLayout, QWidget

from desktop.core.words import tr
from desktop.hub.records import SearchQuery, Sort, Task
from desktop.ui.discover.actions import FITS_ONLY, OTHER_FORMATS, SEARCH
from desktop.ui.shared.chips import FlowLayout, chip, menu_chip
from desktop.ui.shared.search_field import search_field
from desktop.ui.shared.signals import calling
from desktop.ui.shell.keys import tooltip

TYPING_MILLISECONDS = 350  # a pause after which a search begins
SUGGESTIONS = (
    tr("qwen3 8b"),
    tr("llama 3.1 8b instruct"),
    tr("gemma 3 4b"),
    "smollm2",
    tr("mistral small"),
    tr("qwen coder"),
)
_TASKS: tuple[tuple[Task, str, str], ...] = (
    ("chat", tr("Chat"), tr("Models tuned for conversation")),
    ("code", tr("Code"), tr("Models made for program code")),
    ("vision", tr("Vision"), tr("Models that see pictures")),
    ("embedding", tr("Embedding"), tr("Models that turn text into vectors; they do not chat")),
)
_SORTS: tuple[tuple[Sort, str], ...] = (
    ("trending", tr("Trending")),
    ("downloads", tr("Downloads")),
    ("likes", tr("Likes")),
    ("updated", tr("Updated")),
)
_SIZES: tuple[tuple[str, tuple[int | None, int | None]], ...] = (
    (tr("Any size"), (None, None)),
    (tr("Up to 4 B parameters"), (None, 4_000_000_000)),
    (tr("4 to 10 B"), (4_000_000_000, 10_000_000_000)),
    (tr("10 to 35 B"), (10_000_000_000, 35_000_000_000)),
    (tr("Over 35 B"), (35_000_000_000, None)),
)
_LICENCES = ((tr("Any licence"), ""), (tr("Apache 2.0"), "apache-2.0"), ("MIT", "mit"), (tr("Gemma"), "gemma"),
             (tr("Llama 3.1"), "llama3.1"), (tr("Llama 3.3"), "llama3.3"))  # fmt: skip
_ACCESS: tuple[tuple[str, bool | None], ...] = (
    (tr("Open and gated"), None),
    (tr("Open only"), False),
    (tr("Gated only"), True),
)


class DiscoverFilters(QWidget):
    """Tells :attr:`changed` when something else is to be searched for, after a pause in typing."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("discoverFilters")
        self._sort: Sort = "trending"
        self._limits: tuple[int | None, int | None] = (None, None)
        self._licence = ""
        self._gated: bool | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(TYPING_MILLISECONDS)
        self._pause.timeout.connect(self.changed)
        self.field = search_field(
            "discoverSearch",
            tr("Search the Hub"),
            tr("Search the Hub"),
            tooltip(SEARCH),
        )
        self._length = 0
        self.whole = True  # the text came as a whole or was ended by Enter: it is not in the middle of being typed
        self.field.textChanged.connect(self._text_changed)
        self.field.returnPressed.connect(self.now)
        self._fits = chip(FITS_ONLY.short, "filterFits", tr("Leave out what no variant of would fit this computer"))
        self._fits.setChecked(True)
        self._fits.toggled.connect(lambda _: self.changed.emit())
        self._tasks: dict[Task, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 10)
        column.setSpacing(10)
        column.addWidget(self.field)
        chips = QWidget()
        flow = FlowLayout(chips)
        flow.addWidget(self._fits)
        for task, word, tip in _TASKS:
            button = chip(word, f"filter_{task}", tip)
            button.clicked.connect(calling(self._choose_task, task))
            self._tasks[task] = button
            flow.addWidget(button)
        self._more, more = menu_chip(tr("More"), "filterMore", tr("Size, licence, access, and formats other than GGUF"))
        self._fill(more)
        flow.addWidget(self._more)
        self._sorted, sorts = menu_chip(tr("Trending"), "filterSort", tr("The order of the results"))
        _Choices(sorts, [(word, calling(self._set_sort, sort, word)) for sort, word in _SORTS])
        flow.addWidget(self._sorted)
        column.addWidget(chips)

    @property
    def text(self) -> str:
        """What is in the field."""
        return self.field.text().strip()

    @property
    def limits(self) -> list[str]:
        """What narrows the search besides the text, in the words of the chips and menus."""
        found = [word for task, word, _ in _TASKS if self._tasks[task].isChecked()]
        return found + [group.checkedAction().text() for group in self._groups if group.checkedAction() != group.first]

    @property
    def fits_only(self) -> bool:
        """Whether what does not fit is left out."""
        return self._fits.isChecked()

    @property
    def all_formats(self) -> bool:
        """Whether formats other than GGUF are looked for too."""
        return self._formats.isChecked()

    def set_all_formats(self, wanted: bool) -> None:
        """Look for other formats too, or not."""
        self._formats.setChecked(wanted)

    def toggle_fits_only(self) -> None:
        """Leave out what does not fit, or no longer."""
        self._fits.toggle()

    def toggle_all_formats(self) -> None:
        """Look for other formats too, or no longer."""
        self._formats.toggle()

    def set_fits_only(self, wanted: bool) -> None:
        """Leave out what does not fit, or not."""
        self._fits.setChecked(wanted)

    def clear_limits(self) -> None:
        """Search by the text alone."""
        for button in self._tasks.values():
            button.setChecked(False)
        for group in self._groups:
            group.first.setChecked(True)
        self._limits, self._licence, self._gated = (None, None), "", None
        self._chosen()

    def query(self) -> SearchQuery:
        """The question. What does not fit is asked for too: left out by the Hub, nobody could say how much it is."""
        least, most = self._limits
        task = next((task for task, button in self._tasks.items() if button.isChecked()), None)
        return SearchQuery(
            text=self.field.text().strip(),
            sort=self._sort,
            task=task,
            parameters_min=least,
            parameters_max=most,
            license=self._licence or None,
            gated=self._gated,
            formats=() if self.all_formats else ("GGUF",),
        )

    def search_for(self, text: str) -> None:
        """Search for these words at once."""
        self.field.setText(text)
        self.now()

    def now(self) -> None:
        """Search without waiting for a pause."""
        self._pause.stop()
        self.whole = True
        self.changed.emit()

    def _text_changed(self, text: str) -> None:
        self.whole = abs(len(text) - self._length) > 1  # pasted, dropped or set: keys change one character
        self._length = len(text)
        self._pause.start()

    def _fill(self, menu: QMenu) -> None:
        menus: tuple[tuple[str, list[tuple[str, Callable[[], None]]]], ...] = (
            (tr("Parameters"), [(word, calling(self._set_limits, limits)) for word, limits in _SIZES]),
            (tr("Licence"), [(word, calling(self._set_licence, tag)) for word, tag in _LICENCES]),
            (tr("Access"), [(word, calling(self._set_gated, gated)) for word, gated in _ACCESS]),
        )
        self._groups = [_Choices(menu.addMenu(title), choices) for title, choices in menus]
        menu.addSeparator()
        self._formats: QAction = menu.addAction(OTHER_FORMATS.short)
        self._formats.setObjectName("filterFormats")
        self._formats.setCheckable(True)
        self._formats.setToolTip(OTHER_FORMATS.tip)
        self._formats.toggled.connect(lambda _: self._chosen())

    def _choose_task(self, task: Task) -> None:
        for other, button in self._tasks.items():
            if other != task:
                button.setChecked(False)
        self.changed.emit()

    def _set_sort(self, sort: Sort, word: str) -> None:
        self._sort = sort
        self._sorted.setText(f"{word} ▾")
        self._chosen()

    def _set_limits(self, limits: tuple[int | None, int | None]) -> None:
        self._limits = limits
        self._chosen()

    def _set_licence(self, tag: str) -> None:
        self._licence = tag
        self._chosen()

    def _set_gated(self, gated: bool | None) -> None:
        self._gated = gated
        self._chosen()

    def _chosen(self) -> None:
        count = sum((self._limits != (None, None), bool(self._licence), self._gated is not None, self.all_formats))
        self._more.setText(tr("More ({count}) ▾", count=count) if count else tr("More ▾"))
        self.changed.emit()


class _Choices(QActionGroup):
    """Entries of a menu of which one holds; the first one narrows nothing."""

    def __init__(self, menu: QMenu, choices: list[tuple[str, Callable[[], None]]]) -> None:
        super().__init__(menu)
        for word, call in choices:
            action = menu.addAction(word)
            action.setCheckable(True)
            action.triggered.connect(call)
            self.addAction(action)
        self.first = self.actions()[0]
        self.first.setChecked(True)
