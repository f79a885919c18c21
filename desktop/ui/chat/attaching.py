"""How files come to a message: chosen, dropped or pasted; read off the GUI thread; what each costs the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from desktop.core.attachments import MOST_ATTACHED, Enclosed
from desktop.core.cancelled import Cancelled
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.services.chat.media_words import takes_no_media
from desktop.ui.chat import actions
from desktop.ui.chat.attached import Cost
from desktop.ui.chat.composer import Composer
from desktop.ui.chat.conversation import Conversation
from desktop.ui.chat.document_costs import DocumentCosts
from desktop.ui.chat.notice import Action, Notice
from desktop.ui.shared.encoded_image import encoded_image
from desktop.ui.shared.signals import calling
from desktop.ui.shell.dropped import other_files
from desktop.ui.shell.page import Page
from desktop.ui.shell.tasks import Lane, Task, TaskContext, Tasks

if TYPE_CHECKING:
    from desktop.services.chat.attaching import AttachmentService
    from desktop.services.engine.supervisor import EngineState

_FILTERS = {
    "image": tr("Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp)"),
    "sound": tr("Sound (*.wav *.mp3 *.flac)"),
    "document": tr("Documents (*.pdf *.docx *.odt *.epub *.html *.htm *.txt *.md *.csv *.tsv *.json *.xml *.py *.log)"),
}
_ANOTHER_MODEL: tuple[Action, str] = ("choose-model", tr("Choose a model…"))
_TOO_LONG = tr("A document is longer than what is left of the context.")
_CHOOSE = tr(
    "Choose on its chip what goes: the parts that matter, or its beginning. A longer context takes more of it."
)
_TITLES = {"image": tr("Attach pictures"), "sound": tr("Attach sound"), "document": tr("Attach documents")}


class Attaching(QObject):
    """Wires the composer's chips and its button to who reads files.

    ``changed``: there is trouble with what is attached, or there is none any more.
    """

    changed = Signal()

    def __init__(
        self,
        page: Page,
        composer: Composer,
        talk: Conversation,
        service: Callable[[], AttachmentService],
        tokens: Callable[[Enclosed], int],
        tasks: Tasks,
    ) -> None:
        """``tokens`` counts what a picture or sound is for the loaded model, on a worker thread."""
        super().__init__(page)
        self._count = tokens
        self._known: dict[tuple[str, str], int] = {}  # tokens by model and SHA-256
        self._asked: set[tuple[str, str]] = set()
        self._costs = DocumentCosts(lambda: service().sender(), talk, tasks, self)
        self._costs.changed.connect(self._look_again)
        self._costs.noted.connect(page.notify)
        self._page, self._composer, self._service, self._tasks = page, composer, service, tasks
        self._row = composer.attached
        self._numbers = count(1)
        self._running: dict[int, Task] = {}
        self._state: EngineState | None = None
        self._trouble = ""
        self._row.cost_of = self._cost
        self._row.reading_cancelled.connect(self._cancel)
        self._row.changed.connect(self._look)
        composer.files_pasted.connect(self.attach)
        composer.picture_pasted.connect(self._attach_picture)
        composer.trouble_sent.connect(self._say_trouble)
        self._build_button()
        page.setAcceptDrops(True)
        page.installEventFilter(self)

    def _build_button(self) -> None:
        button, commands = self._composer.attach, self._page.commands
        commands.connect_to(actions.ATTACH, lambda: menu.popup(button.mapToGlobal(button.rect().topLeft())))
        commands.connect_to(actions.ATTACH_PICTURE, calling(self.ask, "image"))
        commands.connect_to(actions.ATTACH_SOUND, calling(self.ask, "sound"))
        menu = QMenu(button)
        menu.setObjectName("attachMenu")
        commands.connect_to(actions.ATTACH_DOCUMENT, calling(self.ask, "document"))
        commands.add_to(menu, actions.ATTACH_DOCUMENT, actions.ATTACH_PICTURE, actions.ATTACH_SOUND)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAccessibleName(actions.ATTACH.words.rstrip("…"))
        button.setToolTip(
            tr("Attach a document, a picture or sound. Files can be dropped on the chat and pasted, too.")
        )
        button.show()

    # -- which files -----------------------------------------------------------------------------

    def ask(self, kind: str) -> None:
        """Open the dialog for files of one kind."""
        dialog = QFileDialog(self._page, _TITLES[kind])
        dialog.setNameFilters((_FILTERS[kind], tr("All files (*)")))
        dialog.setObjectName("attachDialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.attach([Path(name) for name in names]))
        dialog.open()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Files dropped on the page are attached; those of a model are left to the window."""
        if isinstance(event, QDropEvent) and other_files(event):  # a QDragEnterEvent is one, too
            event.acceptProposedAction()
            if not isinstance(event, QDragEnterEvent) and event.type() == QEvent.Type.Drop:
                self.attach(other_files(event))
            return True
        if event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def attach(self, paths: Sequence[Path]) -> None:
        """Read files and attach them, in this order; the rest where they are too many is refused in words."""
        room = max(0, self._row.room)
        for path in paths[:room]:
            self._read(path.name, self._reader(path))
        if paths[room:]:
            words = tr(
                "At most {most_attached} files go with one message; {paths} were left out.",
                most_attached=MOST_ATTACHED,
                paths=len(paths) - room,
            )
            self._page.notify.emit(
                HeftError(words, tr("Send them with the next message."), kind=FailureKind.BAD_ATTACHMENT)
            )

    def _reader(self, path: Path) -> Callable[[Cancelled], Enclosed]:
        return lambda cancelled: self._service().of_file(path, cancelled)

    def _attach_picture(self, image: QImage) -> None:
        def read(_cancelled: Cancelled) -> Enclosed:
            return self._service().of_bytes(tr("Pasted picture.png"), encoded_image(image, "png"))

        self._read(tr("Pasted picture.png"), read)

    def _read(self, name: str, read: Callable[[Cancelled], Enclosed]) -> None:
        number = next(self._numbers)

        def work(context: TaskContext) -> Enclosed:
            return read(lambda: context.cancelled)

        def done(item: Enclosed) -> None:
            self._end(number)
            self._row.add(item)

        def failed(error: HeftError) -> None:
            self._end(number)
            self._page.notify.emit(error)

        self._row.begin_reading(number, name)
        self._running[number] = self._tasks.run(work, done=done, failed=failed, lane=Lane.JOB, owner=self)

    def _cancel(self, number: int) -> None:
        if number in self._running:
            self._running[number].cancel()
            self._end(number)

    def _end(self, number: int) -> None:
        self._running.pop(number, None)
        self._row.end_reading(number)

    # -- what the model makes of them ------------------------------------------------------------

    def show_state(self, state: EngineState) -> None:
        """Another model is loaded, or none."""
        self._state = state
        self._look_again()

    def _look_again(self) -> None:
        self._row.look_again()
        self._look()

    def _cost(self, item: Enclosed) -> Cost:
        attachment = item.attachment
        loaded = self._state.loaded if self._state is not None else None
        if attachment.kind == "document":
            return self._costs.cost(item)
        if loaded is None or loaded.endpoint:
            return Cost()
        if attachment.kind not in loaded.media:
            return Cost(
                tr("not seen by this model") if attachment.kind == "image" else tr("not heard by this model"), True
            )
        key = loaded.path, attachment.sha256
        if key in self._known:
            return Cost(tr("{known:,} tokens", known=self._known[key]))
        if key not in self._asked and self._state is not None and self._state.phase == "ready":
            self._ask_count(key, item)
        return Cost()

    def _ask_count(self, key: tuple[str, str], item: Enclosed) -> None:
        def done(tokens: int) -> None:
            self._asked.discard(key)
            self._known[key] = tokens
            self._row.look_again()

        self._asked.add(key)
        work = lambda _context: self._count(item)  # noqa: E731
        given_up = lambda _error: self._asked.discard(key)  # noqa: E731 - it is asked again with the next state
        self._tasks.run(work, done=done, failed=given_up, lane=Lane.JOB, owner=self)

    def _look(self) -> None:
        self._costs.forget_all_but(self._row.files)
        trouble = self._row.trouble
        if trouble != self._trouble:
            self._trouble = trouble
            self.changed.emit()

    def _refusal(self) -> HeftError | None:
        if not self._trouble or self._state is None:
            return None
        kinds = {one.attachment.kind for one in self._row.files if self._cost(one).trouble}
        if "document" in kinds:
            return HeftError(_TOO_LONG, _CHOOSE, detail=self._trouble, kind=FailureKind.CONTEXT_FULL)
        return takes_no_media(self._state.model_name, "image" if "image" in kinds else "sound")

    def _say_trouble(self) -> None:
        if (refusal := self._refusal()) is not None:
            self._page.notify.emit(refusal)

    def notice(self) -> Notice | None:
        """What to do where the model cannot take what is attached."""
        refusal = self._refusal()
        if refusal is None:
            return None
        ways = () if refusal.kind is FailureKind.CONTEXT_FULL else (_ANOTHER_MODEL,)
        return Notice(f"media {refusal.message}", "warning", refusal.message, refusal.hint, ways)
