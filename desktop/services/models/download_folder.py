"""Where downloads go: the Hugging Face cache, or a folder of the user's, in which the library looks too."""

from __future__ import annotations

from pathlib import Path

from desktop.core.errors import StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.hub.placement import default_cache
from desktop.services.models.library import LibraryService
from desktop.store.options import DOWNLOAD_FOLDER
from desktop.store.settings import SettingsStore


class DownloadFolder:
    """The user's choice, kept in the settings. Every method may be called from any thread."""

    def __init__(self, settings: SettingsStore, library: LibraryService) -> None:
        self._settings = settings
        self._library = library

    def current(self) -> Path | None:
        """The chosen folder; None for the Hugging Face cache."""
        chosen = self._settings.get(DOWNLOAD_FOLDER)
        return Path(chosen) if chosen else None

    def place(self) -> Path:
        """The folder that downloads go to, whichever it is."""
        return self.current() or default_cache()

    def use(self) -> Path | None:
        """The same for a download that begins: it is there, and the library looks into it. Raises StoreError."""
        folder = self.current()
        if folder is not None:
            self.include(folder)
        return folder

    def choose(self, folder: Path | None) -> str:
        """Let downloads go there from now on; what that means, in words. Raises StoreError where it cannot be."""
        if folder is None:
            self._settings.update(download_folder="")
            return "Downloads go to the Hugging Face cache."
        folder = folder.expanduser().absolute()
        added = self.include(folder)
        self._settings.update(download_folder=str(folder))
        return f"Downloads go to {folder}." + (" The library looks there too." if added else "")

    def include(self, folder: Path) -> bool:
        """Let the library look into a folder that is downloaded to; whether it did not before. Raises StoreError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                tr("{folder} cannot be made.", folder=folder),
                tr("Choose another folder."),
                detail=str(error),
                kind=FailureKind.NOT_WRITABLE,
            ) from error
        if any(folder.absolute().is_relative_to(known) for known in self._library.looked_into()):
            return False
        self._library.add_folder(folder)
        return True
