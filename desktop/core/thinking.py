"""What can be said to a model about thinking: a switch, levels of effort, and the template variables they are."""

from __future__ import annotations

from dataclasses import dataclass

Argument = bool | int | str

# What llama.cpp's server itself asks for, whatever the template's own variable is (tools/server/server-common.cpp).
_SERVER_SWITCH = "enable_thinking"


@dataclass(frozen=True)
class Thinking:
    """What can be said about thinking, and by which template variables.

    ``switch`` is the variable that turns it ``on`` and ``off`` with these values, "" where there is none. ``efforts``
    are the levels that ``effort`` takes, from the least; none and "" where the template has no levels.
    """

    switch: str = ""
    on: Argument = True
    off: Argument = False
    effort: str = ""
    efforts: tuple[str, ...] = ()

    def arguments(self, thinking: bool | None, effort: str) -> dict[str, Argument]:
        """Template variables that say this much (``chat_template_kwargs`` of llama.cpp's server).

        ``thinking`` None and ``effort`` "" leave it to the template; so does what it does not know.
        """
        found: dict[str, Argument] = {}
        if thinking is not None and self.switch:
            found = {_SERVER_SWITCH: thinking, self.switch: self.on if thinking else self.off}
        if effort in self.efforts and not (thinking is False and self.switch == self.effort):
            found[self.effort] = effort
        return found


NO_THINKING = Thinking()
