"""What the page Inspect asks of its parts: a tab, and the panel beside the tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from desktop.services.inspect.inspection import Inspected, PlacedTensor

Tone = Literal["", "good", "warn", "bad"]


class InspectTab(QWidget):
    """One tab. It is made when it is first opened, then told at once which model is shown.

    Subclasses implement both calls; they come on the GUI thread and take less than 100 ms: what takes longer goes
    through Tasks and is cancelled by the next call. The page closes the former ``Inspected`` after ``show_model`` or
    ``clear`` returned.
    """

    notify = Signal(object)  # HeftError or str, for the notification area
    place_asked = Signal(str)  # a Finding's ``about``: "tensor:NAME", "key:KEY", "template"; the page goes there
    source_asked = Signal(str)  # another model to open, as the inspection service takes it
    counted = Signal(str, str)  # a new figure after the tab's title and its Tone

    def retell(self, inspected: Inspected) -> None:
        """More was found about the model that is shown; most tabs show none of it."""

    def show_model(self, inspected: Inspected) -> None:
        """Show this model instead of the former one."""
        raise NotImplementedError

    def clear(self) -> None:
        """Show no model and forget the former one."""
        raise NotImplementedError

    @property
    def search(self) -> QLineEdit | None:
        """The field that narrows what the tab lists; None in tabs without one."""
        return None

    def go_to(self, place: str) -> None:
        """Bring the place a finding speaks of into view; tabs without places ignore it."""


class TensorPanel(Protocol):
    """The panel at the right of the tensors, for instance the numbers of the one that is selected.

    Its class is a QWidget too.
    """

    def show_tensor(self, inspected: Inspected | None, tensor: PlacedTensor | None) -> None:
        """Show this tensor; None when none is selected, or no model is open."""


@dataclass(frozen=True)
class TabEntry:
    """One tab of the page. ``make`` is called when it is first opened.

    ``count`` gives the figure after the title ("" for none) and its tone for a model; it is cheap.
    """

    name: str
    title: str
    make: Callable[[], InspectTab]
    count: Callable[[Inspected], tuple[str, Tone]] = lambda _inspected: ("", "")
    shown_for: Callable[[Inspected], bool] = lambda _inspected: True
