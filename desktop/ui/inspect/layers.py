"""The tab Layers: the map of all tensors, and the tensors of the layer that is looked at."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from desktop.core.words import counted, tr
from desktop.services.inspect.inspection import Inspected
from desktop.ui.inspect.actions import FIT, LARGER, SMALLER
from desktop.ui.inspect.layer_map import LayerMap
from desktop.ui.inspect.layer_map_layout import MapContent
from desktop.ui.inspect.layer_map_paint import styles_of
from desktop.ui.inspect.state import InspectState, tensor_in_words
from desktop.ui.inspect.tab import InspectTab
from desktop.ui.inspect.tensor_model import TensorTableModel
from desktop.ui.inspect.tensor_rows import OUTSIDE, TensorRows
from desktop.ui.inspect.tensor_table import TensorTable
from desktop.ui.inspect.type_legend import TypeLegend
from desktop.ui.shared.elided_label import ElidedLabel
from desktop.ui.shared.signals import calling
from desktop.ui.shell.keys import tooltip
from desktop.ui.shell.theme import Theme, set_role

_EXPLAINED = tr("One square per tensor: colour and form are its type, area its bytes.")
_BRIEFLY = tr("Colour and form: a tensor's type. Area: its bytes.")  # where experts have to be explained, too
_ROUND = tr("Round: not quantized.")
_EXPERTS = tr("Sliced: experts (×n).")
_NO_TENSORS = tr(
    "This file holds no tensors.\nFiles of a vocabulary alone look like this: see "
    "Tokenizer and Metadata. If it should be a whole model, see Problems."
)
_MAP_SHARE = 0.72  # at most, of the room there is
_LOW = 420  # pixels: below, the legend says less
_LEAST_ROWS = 3  # that are seen below the map


class LayersTab(InspectTab):
    """Selects in the shared state; follows it too."""

    def __init__(self, theme: Theme, state: InspectState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspectLayers")
        self._state = state
        self._group = -1
        self._divided = False
        self.map = LayerMap(theme)
        self._legend = TypeLegend(theme)
        self._words = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._words.setObjectName("layerMapWords")
        set_role(self._words, "muted")
        self._model = TensorTableModel(theme, self)
        self.table = TensorTable(self._model, "layerTensors", tr("Tensors of the layer"))
        self._caption = QLabel()
        self._caption.setObjectName("layerCaption")
        set_role(self._caption, "muted")
        self._build()
        self.map.chosen.connect(state.select)
        self.table.chosen.connect(state.select)
        state.selected.connect(self._select)

    def show_model(self, inspected: Inspected) -> None:
        """Show a model; its first layer's tensors are listed."""
        opened = self._state.opened
        if opened is None:
            return
        rows = opened.rows
        self._splitter.setVisible(len(rows) > 0)
        self._nothing.setVisible(len(rows) == 0)
        styles = styles_of([total.label for total in rows.types])
        self.map.set_content(opened.content, styles, lambda at: tensor_in_words(rows.tensor(at)))
        self._legend.set_types(rows.types, styles)
        experts = any(line.experts for section in opened.content.sections for line in section.lines)
        mixed = len({style.round for style in styles.values()}) == 2
        words = [_BRIEFLY if experts else _EXPLAINED, _ROUND if mixed else "", _EXPERTS if experts else ""]
        self._words.set_whole_text(" ".join(filter(None, words)))
        self._group = -1
        self._list_group(rows, 0)
        self.table.fit(rows)
        self._select(self._state.position)
        QTimer.singleShot(0, self, self._share_room)  # the map's height is known once it has its width

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another height of the map."""
        super().resizeEvent(event)
        self._legend.set_brief(self.height() < _LOW)
        QTimer.singleShot(0, self, self._share_room)

    def _note_divided(self) -> None:
        self._divided = True

    def _share_room(self) -> None:
        """As much for the map as it needs, the rest for the table, until the user divides it otherwise."""
        if self._divided:
            return
        room, rows = self._splitter.height(), self.table.height_of(_LEAST_ROWS)
        beside = self._below.minimumSizeHint().height() - self.table.minimumSizeHint().height()
        most = min(round(_MAP_SHARE * room), room - rows - beside - self._splitter.handleWidth())
        wanted = min(self._card.heightForWidth(self._card.width()), most)
        self._splitter.setSizes([wanted, self._splitter.height() - wanted])

    def clear(self) -> None:
        """Nothing on the map, nothing in the table."""
        self._group = -1
        self.map.set_content(MapContent((), {}), {}, lambda _position: "")
        self._legend.set_types((), {})
        self._caption.setText("")
        self._model.set_rows(None)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._words)
        head.addStretch(1)
        for text, action, name, steps in (
            ("−", SMALLER, "layerMapSmaller", -1),
            ("+", LARGER, "layerMapLarger", 1),
            (tr("Fit"), FIT, "layerMapFit", 0),
        ):
            button = QToolButton()
            button.setText(text)
            button.setObjectName(name)
            button.setAccessibleName(tooltip(action))
            button.setToolTip(tooltip(action))
            set_role(button, "ghost")
            button.clicked.connect(calling(self.map.zoom, steps))
            head.addWidget(button)
        card = self._card = QFrame()
        card.setObjectName("layerCard")
        set_role(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(14, 8, 10, 10)
        inside.setSpacing(6)
        inside.addLayout(head)
        inside.addWidget(self.map, 1)
        inside.addWidget(self._legend)
        below = self._below = QWidget()
        rest = QVBoxLayout(below)
        rest.setContentsMargins(0, 6, 0, 0)
        rest.setSpacing(6)
        rest.addWidget(self._caption)
        rest.addWidget(self.table, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setObjectName("layersSplitter")
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(card)
        splitter.addWidget(below)
        splitter.setStretchFactor(0, 0)
        splitter.setStretchFactor(1, 1)
        splitter.splitterMoved.connect(self._note_divided)
        self._splitter = splitter
        self._nothing = QLabel(_NO_TENSORS)
        self._nothing.setObjectName("layersNothing")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setWordWrap(True)
        set_role(self._nothing, "muted")
        self._nothing.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(splitter)
        column.addWidget(self._nothing)
        self.setFocusProxy(self.map)

    def _select(self, position: int) -> None:
        opened = self._state.opened
        if opened is not None and position >= 0:
            self._list_group(opened.rows, opened.rows.layer_ranks[position])
        self.map.select(position)
        self.table.select(position)

    def _list_group(self, rows: TensorRows, group: int) -> None:
        """List the tensors of one layer, or those outside of all layers."""
        if group == self._group:
            return
        members = [at for at, rank in enumerate(rows.layer_ranks) if rank == group]
        self._group = group
        self._model.set_rows(rows, members)
        self.table.scrollToTop()
        label = rows.group_labels[group] if members else ""
        of = "" if label == OUTSIDE else tr("of ")
        self._caption.setText(f"{counted(len(members), 'tensor')} {of}{label}")
