"""The right side of Discover: one repo, weighed; what to take, why, and what the others would cost.

Of several models one is looked at: chart and reasons are that model's, the table holds all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QMoveEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.core.text import visible_in_place
from desktop.core.variants import CompanionKind
from desktop.core.words import tr
from desktop.services.discover.picker_records import Mark, ModelGroup, View
from desktop.services.discover.picker_words import facts, name_words, rough_words, which_model, why_title
from desktop.services.discover.picks import Pick
from desktop.services.discover.picks_words import quicker_words
from desktop.services.discover.reason_words import paragraph
from desktop.services.discover.tables import DataTables
from desktop.services.models.downloads_records import DownloadState
from desktop.ui.discover import actions
from desktop.ui.discover.companions_panel import CompanionsPanel
from desktop.ui.discover.explained import LossExplained
from desktop.ui.discover.model_tabs import ModelTabs
from desktop.ui.discover.name_panel import NamePanel
from desktop.ui.discover.picker_controls import PickerControls
from desktop.ui.discover.variant_chart import VariantChart
from desktop.ui.discover.variant_model import VariantTableModel, downloads_of
from desktop.ui.discover.variant_table import VariantTable
from desktop.ui.shared.buttons import push_button
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.labels import plain_label
from desktop.ui.shared.reflow import Beside
from desktop.ui.shell.action_registry import ActionRegistry
from desktop.ui.shell.theme import Theme, set_role

_HEAD_NEEDS = 640  # pixels that name and buttons need beside each other
_MARGIN, _NARROW_MARGIN = 20, 8  # left and right of everything
_NARROW = 560  # pixels of width
_WHY_LINES = 3  # room for the reasons from the beginning, so that they move nothing when they come


class RepoPane(QScrollArea):
    """Head, controls, chart, reasons and table; all show the same view."""

    action_asked = Signal(int)  # number of the row whose button was pressed
    companion_asked = Signal(int, str)  # number of a row that is here, and the CompanionKind to fetch for it
    repo_wanted = Signal(str)  # another model, OWNER/REPO

    def __init__(
        self,
        theme: Theme,
        tables: DataTables,
        commands: ActionRegistry,
        offer: QWidget | None = None,
        foot: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``commands`` are the page's. ``foot`` stands below the table, and ``offer`` below that: it comes late,
        and must not push the table down.
        """
        super().__init__(parent)
        self.setObjectName("discoverRepo")
        self.setAccessibleName(tr("Model"))
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tables = tables
        self._view: View | None = None
        self._looked_at = ""  # a variant of the model that was chosen; "": the model to take
        self._owed: int | None = None  # where the page is to be scrolled to as soon as it is long enough
        self._longest = 0
        self.controls = PickerControls(theme, tables)
        self.models = ModelTabs()
        self.chart = VariantChart(theme)
        self._explained = LossExplained(theme)
        self._companions = CompanionsPanel(commands)
        self._downloads: tuple[DownloadState, ...] = ()
        self.rows = VariantTableModel(theme, lambda row: name_words(row.variant, tables), self)
        self.table = VariantTable(self.rows, theme)
        self._build(commands, [offer] if offer is not None else [], foot)
        self.chart.chosen.connect(self._chosen_in_chart)
        self.table.row_chosen.connect(self._chosen_in_table)
        self.models.chosen.connect(self._choose_model)
        self.table.action_asked.connect(self.action_asked)
        self._companions.fetch_asked.connect(lambda kind: self.companion_asked.emit(max(0, self.chosen), kind))
        self.table.installEventFilter(self)

    @property
    def view(self) -> View | None:
        """What is shown."""
        return self._view

    @property
    def chosen(self) -> int:
        """The number of the row that is meant: the current one, else the recommended one of the model looked at; -1
        where there is neither."""
        return self.table.chosen if self.table.chosen >= 0 else self.table.preferred

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the figures need the margin's room."""
        super().resizeEvent(event)
        margin = _NARROW_MARGIN if event.size().width() < _NARROW else _MARGIN
        if self._column.contentsMargins().left() != margin:
            self._column.setContentsMargins(margin, 16, margin, 16)

    def show_repo(self, view: View) -> None:
        """Another repo: everything anew."""
        owner, _, name = view.repo.id.rpartition("/")
        self._title.set_whole_text(f"{owner} / {name}" if owner else name)
        parts = self._tables.names.explain(name)
        self._name.show_parts(parts)
        self._explain.setVisible(bool(parts))
        self._explain.setChecked(False)
        self._looked_at = ""
        self._downloads = ()
        self._companions.clear()
        self.table.clear_choice()
        self.show_quicker(())
        self.controls.set_marks(())
        self.verticalScrollBar().setValue(0)
        self.show_view(view)

    def show_view(self, view: View) -> None:
        """The same repo with other figures."""
        first = self._view is None or self._view.repo.id != view.repo.id or self._view.shape is None
        self._view = view
        self._facts.setText(visible_in_place(facts(view)))
        if view.shape is not None:
            self._limit_controls(view, first=first)
        self.controls.show_machine(view)
        self.rows.set_view(view)
        legend = rough_words(row.option for row in view.rows)
        self._legend.setText(legend)
        self._legend.setVisible(bool(legend))
        self._choose_again(view)
        stale = view.repo.problem
        self._stale.setText(
            tr("{stale} These are the files as they were when the Hub last answered.", stale=stale) if stale else ""
        )
        self._stale.setVisible(bool(stale))
        self._show_model()
        self._show_decided()

    def show_marks(self, marks: tuple[Mark, ...]) -> None:
        """Where variants stop fitting, on the slider."""
        self.controls.set_marks(marks)

    @property
    def along(self) -> frozenset[CompanionKind]:
        """The companions that a download of this repo is to bring."""
        return self._companions.along

    def show_downloads(self, states: Iterable[DownloadState]) -> None:
        """Show those downloads that are of this repo."""
        view = self._view
        if view is None:
            return
        self._downloads = tuple(state for state in states if state.repo == view.repo.id)
        self.rows.set_downloads(downloads_of(view.rows, self._downloads))
        self._show_companions()

    def choose(self, number: int) -> None:
        """Make a variant the chosen one and bring the table into view."""
        row = self.rows.at(number)
        if row is not None:
            self._looked_at = row.variant.name
            self.table.select(number)
            self.chart.select(number)
            self._show_model()
            self.ensureWidgetVisible(self.table, 0, 0)

    def show_quicker(self, picks: Sequence[Pick]) -> None:
        """Models that would be quick enough where none of this repo is; none where one is."""
        said = [f'<a href="{escape(pick.repo)}">{escape(quicker_words(pick))}</a>' for pick in picks]
        self._quicker.setText(tr("Quick enough here would be {said}.", said=tr(" or ").join(said)) if said else "")
        self._quicker.setVisible(bool(said))

    def show_beside(self, line: QWidget) -> None:
        """A line of its own below the reasons."""
        self._reasons.addWidget(line)

    def show_progress(self, words: str) -> None:
        """What goes on in the background; "" when all is settled."""
        self.controls.show_progress(words)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A row stays below the mouse when what is above the table grows: the page scrolls by as much."""
        if watched is self.table and isinstance(event, QMoveEvent) and self.table.underMouse():
            bar = self.verticalScrollBar()
            wanted = (bar.value() if self._owed is None else self._owed) + event.pos().y() - event.oldPos().y()
            bar.setValue(wanted)
            if bar.value() == wanted:
                self._owed = None
            else:  # the bar learns of the longer page after the table has moved
                self._owed = wanted
                QTimer.singleShot(0, self, self._scroll_on)
        return super().eventFilter(watched, event)

    def _scroll_on(self) -> None:
        wanted, self._owed = self._owed, None
        if wanted is not None:
            self.verticalScrollBar().setValue(wanted)

    # -- building --------------------------------------------------------------------------------

    def _build(self, commands: ActionRegistry, offers: list[QWidget], foot: QWidget | None) -> None:
        self._title = ElidedLabel()
        self._title.setObjectName("repoTitle")
        set_role(self._title, "title")
        self._explain = push_button(actions.EXPLAIN_NAME.short, "repoName", spoken=actions.EXPLAIN_NAME.words)
        self._explain.setCheckable(True)
        commands.connect_to(actions.EXPLAIN_NAME, self._explain.toggle)
        set_role(self._explain, "ghost")
        page = commands.button(actions.MODEL_PAGE, "repoPage", role="ghost")
        inspect = commands.button(actions.INSPECT, "repoInspect", role="ghost")
        offered = QWidget()
        buttons = QHBoxLayout(offered)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(6)
        for button in (self._explain, inspect, page):
            buttons.addWidget(button)
        buttons.addStretch(1)
        head = Beside(self._title, offered, needs=_HEAD_NEEDS, stretch=(1, 0), spacing=6)
        self._facts = plain_label("repoFacts", "muted", selectable=True)
        self._facts.setMinimumWidth(1)  # it wraps: the table decides how narrow the page may be
        self._stale = plain_label("repoStale", "warn")
        self._stale.hide()
        self._name = NamePanel()
        name_card = self._card("nameCard")
        QVBoxLayout(name_card).addWidget(self._name)
        name_card.hide()
        self._explain.toggled.connect(name_card.setVisible)
        chart_card = self._card("chartCard")
        inside = QVBoxLayout(chart_card)
        inside.setContentsMargins(15, 12, 15, 10)
        inside.setSpacing(10)
        inside.addWidget(self.controls)
        inside.addWidget(self.models)
        inside.addWidget(self.chart)
        why_card = self._card("whyCard")
        self._why = QLabel()
        self._why.setObjectName("repoWhy")
        self._why.setAccessibleName(tr("Why"))
        self._why.setTextFormat(Qt.TextFormat.RichText)
        self._why.setWordWrap(True)
        self._why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._why.setMinimumHeight(_WHY_LINES * self._why.fontMetrics().lineSpacing())
        self._why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._reasons = why = QVBoxLayout(why_card)
        why.setContentsMargins(15, 11, 15, 11)
        why.addWidget(self._why)
        self._quicker = QLabel()
        self._quicker.setObjectName("repoQuicker")
        self._quicker.setTextFormat(Qt.TextFormat.RichText)
        self._quicker.setWordWrap(True)
        self._quicker.setMinimumWidth(1)
        self._quicker.linkActivated.connect(self.repo_wanted)
        self._quicker.hide()
        why.addWidget(self._quicker)
        content = QWidget()
        content.setObjectName("discoverRepoInside")
        self._column = column = QVBoxLayout(content)
        column.setContentsMargins(_MARGIN, 16, _MARGIN, 16)
        column.setSpacing(10)
        column.addWidget(head)
        self._meaning = plain_label("variantMeaning", "muted", selectable=True)
        self._meaning.setMinimumWidth(1)
        self._explained.hide()
        open_explained = push_button(
            tr("What is KLD? ▾"), "lossExplain", tr("The quality loss explained"), role="small"
        )
        open_explained.setCheckable(True)
        open_explained.toggled.connect(self._explained.setVisible)
        open_explained.toggled.connect(
            lambda on: open_explained.setText(tr("What is KLD? ▴") if on else tr("What is KLD? ▾"))
        )
        above = QHBoxLayout()
        above.setSpacing(12)
        above.addWidget(self._meaning, 1)
        above.addWidget(open_explained, 0, Qt.AlignmentFlag.AlignBottom)
        for widget in (self._facts, self._stale, name_card, chart_card, why_card, self._explained):
            column.addWidget(widget)
        column.addLayout(above)
        column.addWidget(self._companions)
        column.addWidget(self.table)
        self._legend = plain_label("variantLegend", "muted")
        self._legend.setMinimumWidth(1)
        self._legend.hide()
        column.addWidget(self._legend)
        if foot is not None:
            column.addWidget(foot, 0, Qt.AlignmentFlag.AlignRight)
        for late in offers:
            column.addWidget(late)
        column.addStretch(1)
        self.setWidget(content)

    @staticmethod
    def _card(name: str) -> QFrame:
        card = QFrame()
        card.setObjectName(name)
        set_role(card, "card")
        return card

    # -- the model looked at ---------------------------------------------------------------------

    @property
    def _number(self) -> int:
        """The number of the model looked at, -1 without models."""
        view = self._view
        if view is None or view.choice is None:
            return -1
        chosen = next((row.group for row in view.rows if row.variant.name == self._looked_at), None)
        return view.choice.index if chosen is None else chosen

    @property
    def _group(self) -> ModelGroup | None:
        return self._view.groups[self._number] if self._view is not None and self._number >= 0 else None

    def _show_model(self) -> None:
        view, group = self._view, self._group
        if view is None:
            return
        recommended = group.recommended if group is not None else None
        self.table.preferred = -1 if recommended is None else recommended
        self.models.show_view(view, self._number)
        self.chart.set_view(view, group)
        if view.shape is None and view.rows and not view.problem:
            self._why.setText(tr("Reading the first kilobytes of one file: they are enough for an estimate of all…"))
            return
        answer = group.recommendation if group is not None else view.recommendation
        title, words = why_title(view, group), view.problem or paragraph(answer)
        self._why.setText(f"{escape(which_model(view))} <b>{escape(title)}</b> {escape(words)}".lstrip())

    def _choose_again(self, view: View) -> None:
        """Chart and table show one choice: that of the table, which other rows may have taken from it."""
        named = next((number for number, row in enumerate(view.rows) if row.variant.name == self._looked_at), -1)
        if named >= 0:
            self.table.select(named)
        self.chart.select(self.table.chosen)

    def _choose_model(self, number: int) -> None:
        """Look at another model: its recommended variant is the current one."""
        view = self._view
        if view is None or not 0 <= number < len(view.groups):
            return
        group = view.groups[number]
        row = group.rows[0] if group.recommended is None else group.recommended
        self._looked_at = view.rows[row].variant.name
        self.table.select(row)
        self.chart.select(row)
        self._show_model()

    def _chosen_in_chart(self, number: int) -> None:
        row = self.rows.at(number)
        if row is not None:
            self._looked_at = row.variant.name
        self.table.select(number)
        self._show_decided()
        self.ensureWidgetVisible(self.table, 0, 0)

    def _chosen_in_table(self, number: int) -> None:
        self.chart.select(number)
        row, before = self.rows.at(number), self._number
        if row is not None:
            self._looked_at = row.variant.name
            if row.group != before:
                self._show_model()
        self._show_decided()

    def _show_decided(self) -> None:
        """What is left to Heft, decided for the variant that is meant."""
        row = self.rows.at(self.chosen)
        self.controls.show_row(row)
        meaning = self.rows.meaning(row) if row is not None else ""
        self._meaning.setText(meaning)
        self._show_companions()

    def _show_companions(self) -> None:
        number = max(0, self.chosen)  # what is ticked holds for all of them, also where none is recommended
        here = self.rows.is_here(number)
        self._companions.show_row(self.rows.at(number), here=here, downloads=self._downloads)

    def _limit_controls(self, view: View, *, first: bool) -> None:
        """How long the context may be before it says too much: as long as the most able of the models takes."""
        longest = view.max_context or view.context
        if first:
            self.controls.set_model(longest)
        elif longest != self._longest:
            self.controls.set_longest(longest)
        self._longest = longest
