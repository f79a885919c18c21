"""The check of a whole model as long work: it can be paused, goes on where it was, and comes back after a quit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from desktop.core.findings import Finding
from desktop.services.inspect.finding_words import check_words, in_order, unreadable
from desktop.services.inspect.inspected import Inspected
from desktop.services.inspect.templates import compared, rendered
from desktop.services.job_kinds import Run
from desktop.services.job_work import Work, WorkKind

CHECK = "check"  # the kind of job


class CheckOrder(msgspec.Struct, frozen=True):
    """What to check, and the model to hold it against ("" for none): what opens them."""

    source: str
    base: str = ""


def check_order(inspected: Inspected, base: Inspected | None) -> CheckOrder:
    """The order of a check, good in any folder and after a restart."""
    return CheckOrder(_source(inspected), _source(base) if base is not None else "")


def check_kind(open_model: Callable[[str], Inspected], folder: Path) -> WorkKind[CheckOrder, tuple[Finding, ...]]:
    """Checks as jobs. ``open_model`` opens what an order names."""

    def check(work: Work[CheckOrder, tuple[Finding, ...]], run: Run) -> tuple[Finding, ...]:
        from desktop.services.inspect.weights import Reading

        if not isinstance(work.at_hand, Reading):
            given, work.at_hand = work.at_hand, Reading()
            if given is not None:  # who asked has it open, for as long as this run
                inspected, base = given
                return _check(inspected, base, work.at_hand, run)
        with ExitStack() as opened:
            models = [open_model(source) for source in (work.order.source, work.order.base) if source]
            for model in models:
                opened.callback(model.close)
            return _check(models[0], models[1] if len(models) > 1 else None, work.at_hand, run)

    return WorkKind(CHECK, CheckOrder, check, folder, check_words)


def _check(inspected: Inspected, base: Inspected | None, reading: object, run: Run) -> tuple[Finding, ...]:
    from desktop.services.inspect.weights import Reading, check_files

    assert isinstance(reading, Reading)
    try:
        found = check_files(inspected, base, reading, run.report, lambda: run.stopped)
    except OSError as error:
        raise unreadable(inspected.title, error) from error
    if inspected.files:
        found += rendered(inspected)
    if inspected.files and base is not None and base.files:
        found += compared(inspected, base)
    return in_order(found)


def _source(inspected: Inspected) -> str:
    if inspected.is_remote:
        return inspected.source
    first = inspected.files[0].path if inspected.files else None
    path = first or Path(inspected.source).expanduser()
    return str(path.absolute()) if path.exists() else inspected.source
