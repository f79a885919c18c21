"""Formulas, typeset in a process of its own (:mod:`desktop.engine.tools.typesetter`) and kept."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from desktop.core.errors import HeftError
from desktop.core.formula import Outline
from desktop.system.idle import IdleClose

DEADLINE_SECONDS = 2.0  # for one formula; most take 10 ms
_START_SECONDS = 30.0  # until the process has read its font, on a busy computer
_MOST_KEPT = 4000

_log = logging.getLogger(__name__)


class FormulaService:
    """Asked on worker threads, one formula after the other; the process ends after a while without any."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        from desktop.engine.helper_process import Tool
        from desktop.engine.tools.formula_records import Formula

        self._deadline = deadline_seconds
        self._tool = Tool[Formula]("desktop.engine.tools.typesetter", Formula)
        self._kept: OrderedDict[tuple[str, bool], Outline | None] = OrderedDict()
        self._lock = threading.Lock()
        self._warm = False
        self._idle = IdleClose(self._end)

    def outline(self, latex: str, *, display: bool) -> Outline | None:
        """The formula's outline; None for one that cannot be typeset, within the limits, which is shown as written.

        ``latex`` is without delimiters; ``display``: on a line of its own. Never raises.
        """
        key = latex, display
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._asked(latex, display)
                if len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _asked(self, latex: str, display: bool) -> Outline | None:
        from desktop.engine.tools.formula_records import FormulaRequest

        try:
            with self._idle:
                if not self._warm:
                    self._tool.call(FormulaRequest("x", False), deadline_seconds=_START_SECONDS)
                    self._warm = True
                return self._tool.call(FormulaRequest(latex, display), deadline_seconds=self._deadline).outline
        except HeftError as error:  # too slow, or the process died of it: it is replaced at the next one
            self._warm = False
            _log.info("a formula was not typeset: %s", error.kind)
            return None

    def _end(self) -> None:
        self._warm = False
        self._tool.close()

    @property
    def running(self) -> bool:
        """Whether the process is kept warm."""
        return self._warm

    def close(self) -> None:
        """End the process, if any."""
        self._idle.close()
