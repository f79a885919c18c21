"""What a signal hands to its slot is never left to a guess."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from support.deferred import delete_what_waits

import desktop
from desktop.ui.shared.signals import calling

DESKTOP = Path(desktop.__file__).parent
WINDOW = (*sorted((DESKTOP / "ui").rglob("*.py")), *(DESKTOP / f"{name}.py" for name in ("app", "pages", "start")))
WITH_CHECKED = ("clicked", "triggered", "toggled")  # signals of a bool that few slots want


def test_only_the_given_arguments_arrive(qtbot: QtBot) -> None:
    told: list[tuple[object, ...]] = []
    button, menu = QPushButton(), QMenu()
    button.setCheckable(True)
    for widget in (button, menu):
        qtbot.addWidget(widget)
    for signal in (button.clicked, button.toggled, menu.addAction("more").triggered):
        signal.connect(calling(lambda *given: told.append(given), 1, "two"))
    button.show()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    menu.actions()[0].trigger()
    assert told == [(1, "two")] * 3


class _Page(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []
        self.row = QObject(self)
        self.row.objectNameChanged.connect(calling(self.tell, "renamed"))

    def tell(self, what: object) -> None:
        self.told.append(what)


def test_a_slot_does_not_keep_its_object(qapp: QApplication) -> None:
    page = _Page()
    page.row.setObjectName("row")
    assert page.told == ["renamed"]
    gone = ref(page)
    del page  # a child that is deleted later would let go of it else, and be destroyed twice
    left = gone()
    assert left is None


def test_what_waits_to_be_deleted_goes_while_its_window_is_there(qapp: QApplication) -> None:
    gone = _window_with_a_row_that_goes()
    delete_what_waits()
    assert gone() is None


def _window_with_a_row_that_goes() -> ref[QWidget]:
    window = QWidget()
    row = QPushButton(window)
    row.clicked.connect(lambda: window.show())  # noqa: PLW0108 - a slot that keeps the window
    row.deleteLater()
    return ref(window)


def faults(source: str) -> Iterator[str]:
    """What in a module leaves to PySide which arguments a slot gets."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "functools":
            yield from ("partial" for name in node.names if name.name == "partial")
        elif isinstance(node, ast.Attribute) and node.attr in ("partial", "partialmethod"):
            yield "partial"
        elif isinstance(node, ast.Call):
            slots = _slots(node)
            yield from (f"a lambda with a default gets the signal's value: line {s.lineno}" for s in slots if _trap(s))
        elif isinstance(node, ast.ClassDef):
            methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
            yield from _methods_that_take_checked(node, methods)


def _slots(call: ast.Call) -> list[ast.expr]:
    """What is connected by ``signal.connect(slot)`` and ``menu.addAction(text, slot)``."""
    if not isinstance(call.func, ast.Attribute):
        return []
    return call.args if call.func.attr in ("connect", "addAction") else []


def _trap(slot: ast.expr) -> bool:
    return isinstance(slot, ast.Lambda) and len(slot.args.defaults) == len(slot.args.args) > 0


def _methods_that_take_checked(node: ast.ClassDef, methods: dict[str, ast.FunctionDef]) -> Iterator[str]:
    for call in (part for part in ast.walk(node) if isinstance(part, ast.Call)):
        signal = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "connect" else None
        if not isinstance(signal, ast.Attribute) or signal.attr not in WITH_CHECKED:
            continue
        for slot in call.args:
            if isinstance(slot, ast.Attribute) and isinstance(slot.value, ast.Name) and slot.value.id == "self":
                method = methods.get(slot.attr)
                wanted = method.args.args[1:] if method is not None else []
                if [_annotation(argument) for argument in wanted] not in ([], ["bool"]):
                    yield f"{signal.attr} hands its bool to {slot.attr}"


def _annotation(argument: ast.arg) -> str:
    return ast.unparse(argument.annotation) if argument.annotation is not None else ""


@pytest.mark.parametrize("path", WINDOW, ids=lambda path: str(path.relative_to(DESKTOP)))
def test_no_slot_leaves_its_arguments_to_a_guess(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "from functools import partial",
        "import functools\nb.clicked.connect(functools.partial(f, 1))",
        "b.clicked.connect(lambda call=call: call())",
        "menu.addAction('x', lambda call=call: call())",
        "class A:\n def go(self, task: str) -> None: ...\n def b(self) -> None: self.x.clicked.connect(self.go)",
    ],
)
def test_the_check_finds(source: str) -> None:
    assert list(faults(source))
