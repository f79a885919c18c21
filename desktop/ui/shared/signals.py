"""How a signal reaches a call that wants other arguments than the signal's own."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from weakref import WeakMethod

from PySide6.QtCore import QObject


def calling(call: Callable[..., object], *arguments: object) -> Callable[[], None]:
    """A slot that calls ``call(*arguments)``, whatever the signal carries.

    For ``functools.partial`` PySide guesses: it hands over the arguments of some signals and leaves out those of
    others (``clicked`` comes without ``checked``, ``toggled`` with it). A function of no parameters gets none.

    A method of a QObject does not keep it alive, as where PySide is given the method itself. A slot that did would be
    let go of last where its sender is a child that is deleted later: Qt would then destroy the child a second time,
    with its parent, from inside its own end.
    """
    bound = isinstance(call, MethodType) and isinstance(call.__self__, QObject)
    found: Callable[[], Callable[..., object] | None] = WeakMethod(call) if bound else lambda: call

    def slot() -> None:
        if (wanted := found()) is not None:
            wanted(*arguments)

    return slot
