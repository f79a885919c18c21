"""The user's folder of backends: each change is one step, and the one before it can be gone back to.

What a change takes out of use lies in the folder "before" below it until the next change, so that going back needs
nothing from anywhere. A library that is added is tried outside of what any engine looks at, and moved in when it works.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from desktop.core.errors import HeftError, NotFoundError, StoreError
from desktop.core.failures import FailureKind
from desktop.core.words import tr
from desktop.engine.backend_records import Choice, Choices, Tried, Verdict, read_choices, write_choices
from desktop.engine.further_backends import (
    BEFORE,
    PATTERN,
    Library,
    Trial,
    judge,
    keep,
    libraries,
    trials,
    verdict_of,
)
from desktop.system.atomic import put_in_place

_ADDING = ".adding-"
_LOCK = ".lock"
Trying = Callable[[Path], Tried]


class BackendFolder:
    """One user's backends beside those of the engine at ``package``. Every method may be called from any thread."""

    def __init__(self, folder: Path, package: Path) -> None:
        self._folder, self._package = folder, package

    def rows(self) -> list[Trial]:
        """All further backends, the first wanted first."""
        return trials(str(self._folder), self._package)

    def can_go_back(self) -> bool:
        """Whether there was a change."""
        return read_choices(self._folder).before is not None

    def find(self, name: str) -> Trial:
        """The one with this name, that of its file or of its backend. Raises NotFoundError, "ambiguous"."""
        wanted = name.casefold()
        rows = self.rows()
        found = [row for row in rows if wanted in (row.file.casefold(), row.key.casefold())]
        found = found or [row for row in rows if wanted in (row.backend.casefold(), _short(row.file).casefold())]
        used = [row for row in found if row.used]
        if len(used or found) > 1:
            files = ", ".join(row.key for row in found)
            raise HeftError(
                tr("'{name}' could be several backends.", name=name),
                tr("Name one: {files}", files=files),
                kind=FailureKind.AMBIGUOUS,
            )
        if not found:
            raise NotFoundError(
                tr("There is no backend '{name}'.", name=name), tr("See which there are: heft backends")
            )
        return (used or found)[0]

    def add(self, file: Path, trial: Trying) -> Trial:
        """Copy a library in, try it, and put it first. Raises HeftError; then everything is as it was."""
        _check(file)
        with self._change() as before, _scratch(self._folder) as scratch:
            copy = scratch / file.name
            with _told(tr("The backend could not be copied")):
                shutil.copyfile(file, copy)
                copy.chmod(0o700)
            tried = _tried(copy, trial)
            library = Library(file.name, self._folder / file.name)
            with _told(tr("The backend could not be kept")):
                verdict = verdict_of(Library(library.key, copy), tried, "", self._package)
                self._put_in(copy, library, verdict)
                self._choose(before, library.key)
        return self.find(file.name)

    def use(self, name: str) -> Trial:
        """Put one before the others: it serves the devices that it reaches. HeftError for one that failed its trial."""
        row = self.find(name)
        if not row.backend:
            why = row.left_out or tr("it was not tried yet.")
            raise HeftError(
                tr("{file} is not used: {why}", file=row.file, why=why),
                tr("Try it: heft backends try {file}", file=row.file),
                kind=FailureKind.REFUSED_BACKEND,
            )  # fmt: skip
        with self._change() as before, _told(tr("The choice of backends could not be kept")):
            _emptied(self._folder / BEFORE)
            self._choose(before, row.key)
        return self.find(row.key)

    def try_again(self, name: str, trial: Trying) -> Trial:
        """Try one once more, whatever is known of it; what came of it is in the row."""
        row = self.find(name)
        with self._change():
            judge(Library(row.key, row.path), self._folder, self._package, trial)
        return self.find(row.key)

    def remove(self, name: str) -> Trial:
        """Take one out of use; of the user's own, the file too. It comes back with :meth:`back`."""
        row = self.find(name)
        with self._change() as before, _told(tr("The backend could not be removed")):
            kept = _emptied(self._folder / BEFORE)
            if not row.boxed:
                put_in_place(row.path, kept / row.file)
            order = tuple(key for key in before.order if key != row.key)
            aside = (*before.aside, row.key) if row.boxed and row.key not in before.aside else before.aside
            write_choices(self._folder, Choices(Choice(order, aside, before.since), before))
        return row

    def back(self) -> None:
        """Undo the last change; once more, and it is there again. Raises HeftError when there was none."""
        with self._change() as now, _told(tr("The earlier backends could not be brought back")):
            earlier = read_choices(self._folder).before
            if earlier is None:
                raise NotFoundError(
                    tr("There is no earlier choice of backends."), tr("See which there are: heft backends")
                )
            kept = self._folder / BEFORE
            kept.mkdir(mode=0o700, exist_ok=True)
            aside = {file.name for file in kept.iterdir()}
            for key in now.order:
                file = self._folder / key
                if PurePath(key).name == key and file.is_file() and (key not in earlier.order or key in aside):
                    put_in_place(file, kept / f"{key}.leaving")
            for name in sorted(aside.intersection(earlier.order)):
                put_in_place(kept / name, self._folder / name)
            for file in kept.glob("*.leaving"):
                put_in_place(file, file.with_suffix(""))
            write_choices(self._folder, Choices(earlier, now))

    # -- inside ----------------------------------------------------------------------------------

    @contextmanager
    def _change(self) -> Iterator[Choice]:
        """One change at a time, of all Hefts of this user; what holds now, with every library named."""
        with _told(tr("The folder of backends cannot be used")):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(self._folder / _LOCK, timeout=0):
                now = read_choices(self._folder).now
                here = libraries(str(self._folder), self._package)
                yield Choice(tuple(library.key for library in here), now.aside, now.since)
        except Timeout:
            raise HeftError(
                tr("Another Heft is trying or changing backends."), tr("Wait until it is done."), kind=FailureKind.BUSY
            ) from None

    def _put_in(self, copy: Path, library: Library, verdict: Verdict) -> None:
        """In the place of one of the same name, which is kept. Raises OSError; then all is as it was."""
        kept = _emptied(self._folder / BEFORE)
        replaced = library.path.exists()
        if replaced:
            put_in_place(library.path, kept / library.path.name)
        try:
            put_in_place(copy, library.path)
            keep(self._folder, verdict)
        except OSError:
            library.path.unlink(missing_ok=True)
            if replaced:
                put_in_place(kept / library.path.name, library.path)
            raise

    def _choose(self, before: Choice, key: str) -> None:
        order = (key, *(other for other in before.order if other != key))
        aside = tuple(other for other in before.aside if other != key)
        write_choices(self._folder, Choices(Choice(order, aside, {**before.since, key: time.time()}), before))


def _tried(copy: Path, trial: Trying) -> Tried:
    try:
        return trial(copy)
    except HeftError as error:
        words = tr("{name} was not added: {message}", name=copy.name, message=error.message)
        raise HeftError(words, error.hint, detail=error.detail, kind=error.kind) from error


def _check(file: Path) -> None:
    """Whether it can be a backend by its name and kind. Raises HeftError."""
    if not file.is_file():
        raise NotFoundError(
            tr("There is no file {name}.", name=file.name), tr("Name the library of a backend: libggml-NAME.so")
        )
    if not PurePath(file.name).match(PATTERN):
        raise HeftError(
            tr("{name} is no backend by its name.", name=file.name),
            tr("llama.cpp's own are called {replace}; give it that name.", replace=PATTERN.replace("*", "NAME")),
            kind=FailureKind.REFUSED_BACKEND,
        )


def _short(file: str) -> str:
    """libggml-vulkan.so: vulkan."""
    return file.removeprefix("lib").removeprefix("ggml-").rpartition(".")[0]


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A private folder for a library that is not proven; those that a killed Heft left go, too."""
    for left in folder.glob(f"{_ADDING}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_ADDING, dir=folder, ignore_cleanup_errors=True) as name:
        yield Path(name)


def _emptied(folder: Path) -> Path:
    """What the change before the last took out of use goes. Raises OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.iterdir():
        with contextlib.suppress(IsADirectoryError):
            file.unlink()
    return folder


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The system's refusal in words."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{what}: {error.strerror or error}.",
            tr("Check the folder and the free space on the disk."),
            detail=str(error),
        ) from error
