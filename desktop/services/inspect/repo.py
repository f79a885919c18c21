"""What a repo on the Hub holds: recognised by file names and small settings files, with its models to choose from."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from desktop.core.cancelled import Cancelled, raise_if_cancelled
from desktop.core.failures import FailureKind
from desktop.core.findings import Finding
from desktop.core.formats import Fact, FolderFile, Summary, recognise_folder
from desktop.core.hub_address import HubAddress
from desktop.core.units import human_parameters
from desktop.core.words import tr
from desktop.hub.client import HubClient
from desktop.hub.errors import HubError
from desktop.hub.records import RepoFiles
from desktop.hub.search import HubSearch
from desktop.hub.small_files import SmallFiles
from desktop.services.inspect.inspected import Inspected
from desktop.services.inspect.local import other
from desktop.services.inspect.model_list import list_models
from desktop.store.format_catalog import format_catalog

_MAX_SETTINGS = 4 << 20  # bytes of a settings file or list of shards that are fetched
_MAX_CARD = 68 << 10  # of a model card: its settings come first, in 64 KiB at most
# Of one file alone, or passing: the others are asked for as well. Any other refusal holds for all of a repo's files.
_ONE_FILE = (
    FailureKind.FILE_NOT_FOUND,
    FailureKind.REPO_NOT_FOUND,  # a mirror's bare 404: the repo itself was just listed
    FailureKind.INTERRUPTED,
    FailureKind.BAD_ANSWER,
    FailureKind.REDIRECTS,
    FailureKind.HUB_DOWN,
    FailureKind.REFUSED,
)
_COMMIT_DIGITS = 10
_ALIKE = 3  # files named when one is not there


class RepoOpener:
    """Looks into repos of one Hub: one request for the list, and a few for files of some kilobytes."""

    def __init__(self, client: HubClient, search: HubSearch) -> None:
        self._client = client
        self._search = search

    def open(self, address: HubAddress, cancelled: Cancelled) -> Inspected:
        """What a repo holds. Raises HubError; of a gated repo the names are told."""
        raise_if_cancelled(cancelled)
        return self._described(address, self._search.files(address.repo, address.revision), "", cancelled)

    def instead(self, address: HubAddress, error: HubError, cancelled: Cancelled) -> Inspected:
        """The folder a path names when it is no file's; raises ``error`` with names like it when it is neither."""
        raise_if_cancelled(cancelled)
        listed = self._search.files(address.repo, address.revision)
        folder = address.file.rstrip("/") + "/"
        if any(file.path.startswith(folder) for file in listed.files):
            return self._described(address, listed, folder, cancelled)
        if error.kind != FailureKind.FILE_NOT_FOUND:
            raise error
        alike = _alike(address.file, [file.path for file in listed.files])
        hint = f"Did you mean {', '.join(alike)}?" if alike else f"See what is there: {address.beside('')}"
        raise HubError(error.message, hint, kind=error.kind, detail=error.detail) from error

    def _described(self, address: HubAddress, listed: RepoFiles, folder: str, cancelled: Cancelled) -> Inspected:
        files = [
            FolderFile(file.path.removeprefix(folder), file.size_bytes)
            for file in listed.files
            if file.path.startswith(folder)
        ]
        small = SmallFiles(self._client, listed.id, listed.commit or address.revision, cancelled=cancelled)
        refused: list[Finding] = []  # of all files
        unread: dict[str, Finding] = {}

        def read(name: str) -> bytes:
            limit = _MAX_CARD if name == "README.md" else _MAX_SETTINGS
            if (
                refused
                or name in unread
                or listed.stale_since
                or not any(file.name == name and file.size for file in files)
            ):
                return b""
            try:
                return small.read(folder + name, limit)
            except HubError as error:
                if error.kind in _ONE_FILE:
                    unread[name] = _unread(name, error)
                else:
                    refused.append(Finding("note", error.message, tr("Only its file names are known."), error.hint))
                return b""

        summary = recognise_folder(files, read, format_catalog())
        findings = (*summary.findings, *unread.values(), *refused, *_age(listed))
        summary = replace(_with_the_hubs_words(summary, listed), findings=findings)
        found = other(str(address), f"{listed.id}/{folder}".rstrip("/"), sum(file.size for file in files), summary)
        return replace(
            found,
            models=list_models(files, lambda name: str(address.beside(folder + name))),
            transferred_bytes=small.transferred_bytes,
            requests=small.requests + (listed.stale_since is None),
        )


def _with_the_hubs_words(summary: Summary, listed: RepoFiles) -> Summary:
    """The summary with what the Hub says of the repo, where its files said nothing."""
    repo = listed.summary
    told = {fact.label for fact in summary.facts}
    context = f"{repo.context_length:,}" if repo.context_length else ""
    parameters = human_parameters(repo.parameters) if repo.parameters else ""
    said = (
        Fact(
            tr("Repository"),
            tr("{id}, version {commit}", id=listed.id, commit=listed.commit[:_COMMIT_DIGITS])
            if listed.commit
            else listed.id,
        ),
        Fact(tr("License"), repo.license),
        Fact(tr("Access"), tr("only for people who accepted its licence (gated)") if repo.gated else ""),
        Fact(tr("Architecture"), repo.architecture),
        Fact(tr("Parameters"), parameters),
        Fact(tr("Context length"), context),
    )
    return replace(
        summary,
        facts=(*(fact for fact in said if fact.value and fact.label not in told), *summary.facts),
        base_model=summary.base_model or repo.base_model,
        parameters=summary.parameters or repo.parameters or 0,
    )


def _unread(name: str, error: HubError) -> Finding:
    reason, action = error.message, error.hint
    if error.kind == FailureKind.REPO_NOT_FOUND:
        reason, action = "It is listed, and the Hub does not give it.", "Try again later."
    return Finding("note", tr("{name} could not be read.", name=name), reason, action)


def _age(listed: RepoFiles) -> Sequence[Finding]:
    if listed.stale_since is None:
        return ()
    day = time.strftime("%Y-%m-%d", time.localtime(listed.stale_since))
    return (
        Finding(
            "note",
            tr("This is the list of {day}: {problem}", day=day, problem=listed.problem),
            action=tr("Try again later."),
        ),
    )


def _alike(path: str, paths: Sequence[str]) -> list[str]:
    """Paths that a misspelt one could mean: of the same name elsewhere, or spelt much like it."""
    name = PurePosixPath(path).name.casefold()
    same = [known for known in paths if PurePosixPath(known).name.casefold() == name]
    if same:
        return same[:_ALIKE]
    by_key = {known.casefold(): known for known in paths}
    close = difflib.get_close_matches(path.casefold(), by_key, n=_ALIKE, cutoff=0.6)
    return [by_key[key] for key in close]
