"""Which models of the library a name means: every name of every store, in full, shortened or begun."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

from desktop.core.hub_address import PREFIX
from desktop.core.text import ELISION
from desktop.store.library import LibraryModel

_OLLAMA_DEFAULT = ":latest"


def named(name: str, models: Sequence[LibraryModel]) -> list[LibraryModel]:
    """The models that ``name`` may mean: none, the one, or several to choose from.

    A name in full goes before one that was shortened as lists do, and that before the beginning of one. Among several,
    those that are sound and write text go before the others.
    """
    wanted = name.casefold().strip()
    if not wanted:
        return []
    for fits in (_is(wanted), _shortened(wanted), _begins(wanted)):
        found = [model for model in models if fits(model)]
        if found:
            best = max((not model.problem, model.kind.writes_text) for model in found)
            return [model for model in found if (not model.problem, model.kind.writes_text) == best]
    return []


def _is(wanted: str) -> Callable[[LibraryModel], bool]:
    """A name, the title, the file's own name, or where it is on the Hub."""
    ollama = wanted + _OLLAMA_DEFAULT  # what Ollama takes a name without a tag for

    def fits(model: LibraryModel) -> bool:
        names = {called.casefold() for called in (model.title, *model.names, model.name, model.path.name)}
        names |= {PurePath(path).name.casefold() for path in model.also_in if path.suffix}
        identity = model.ref.identity
        if identity.startswith(PREFIX):
            names |= {identity.casefold(), identity.removeprefix(PREFIX).casefold()}
        return wanted in names or ollama in names

    return fits


def _shortened(wanted: str) -> Callable[[LibraryModel], bool]:
    """As a table shows a long name."""
    if ELISION not in wanted:
        return lambda _: False
    pattern = re.compile(".*".join(re.escape(part) for part in wanted.split(ELISION)), re.DOTALL)
    return lambda model: any(pattern.fullmatch(called.casefold()) for called in (model.title, *model.names))


def _begins(wanted: str) -> Callable[[LibraryModel], bool]:
    return lambda model: any(called.casefold().startswith(wanted) for called in (model.title, *model.names, model.name))
