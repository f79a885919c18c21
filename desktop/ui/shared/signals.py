"""How a signal reaches a call that wants other arguments than the signal's own."""

from __future__ import annotations

from collections.abc import Callable


def calling(call: Callable[..., object], *arguments: object) -> Callable[[], None]:
    """A slot that calls ``call(*arguments)``, whatever the signal carries.

    For ``functools.partial`` PySide guesses: it hands over the arguments of some signals and leaves out those of
    others (``clicked`` comes without ``checked``, ``toggled`` with it). A function of no parameters gets none.
    """

    def slot() -> None:
        call(*arguments)

    return slot
