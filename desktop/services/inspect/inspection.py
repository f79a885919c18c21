"""What is inside a model file, on this computer or still on the Hub: the page Inspect and ``heft inspect``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property

from desktop.core.cancelled import Cancelled, never
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.failures import FailureKind
from desktop.core.findings import Finding
from desktop.core.gguf.model_checks import RequiredKeys, check_model
from desktop.core.hub_address import is_on_hub
from desktop.core.progress import Progress, Report, unheard
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.inspect.inspected import Inspected, InspectedFile, ModelEntry, PlacedTensor
from desktop.services.inspect.local import open_folder, open_local
from desktop.services.inspect.paths import find_path, nothing_there
from desktop.services.inspect.remote import RemoteOpener, parse_hub_source
from desktop.services.job_kinds import Run, WorkKind
from desktop.services.jobs import JobService
from desktop.services.models.library import LibraryService
from desktop.store.paths import Paths
from desktop.system.packaged import read_table

__all__ = ["Finding", "Inspected", "InspectedFile", "InspectionService", "ModelEntry", "PlacedTensor"]

CHECK = WorkKind("check")  # reading whole files
MAX_TEMPLATES = 20  # of one file; the most known are three
_MAX_TEMPLATE_BYTES = 4 << 20
_SEVERITIES = ("error", "warning", "note")
_EXAMPLE_SECONDS = 10.0
_CHATML_INSTEAD = "Chat uses ChatML instead, so answers may be odd; look for a file with a mended template."
_NO_CHAT = "Chat does not work with this model; look for a file with a mended template."


class InspectionService:
    """Opens model files of any kind. Calls may come from any thread."""

    def __init__(
        self,
        paths: Paths,
        library: LibraryService,
        hub: HubClient,
        *,
        architectures: Callable[[], Sequence[str]] = tuple,
        jobs: JobService | None = None,
    ) -> None:
        """``architectures`` names those the installed engine knows; it may take seconds and is asked seldom.

        ``hub`` stays at hand for what else of a remote file is read. A check of a whole file is a job of ``jobs``.
        """
        self._jobs = jobs or JobService()
        self._library = library
        self.hub = hub
        self._remote = RemoteOpener(hub, HeaderReader(hub, paths.remote_headers), HubSearch(hub, paths.cache / "hub"))
        self._ask_engine = architectures

    def open(
        self,
        source: str,
        *,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> Inspected:
        """Open a path, a folder, ``hf:OWNER/REPO[/FILE][@REV]``, the link of a page of the Hub, or a library name.

        Shards beside a file are opened with it. Reads headers only. A GGUF header that breaks off is opened as far as
        it goes, with a finding. Raises HeftError: not found, not readable, no GGUF where one must be, private
        or gated (with what is missing); CancelledError.
        """
        started = time.perf_counter()
        with ExitStack() as resources:
            try:
                opened = self._opened(source, resources, progress, cancelled)
            except OSError as error:
                raise _unreadable(source, error) from error
            found = replace(opened, findings=_sorted([*opened.findings, *self._findings(opened.files)]))
            if found.files:  # their arrays are read on demand; a summary holds all it tells
                found = replace(found, resources=resources.pop_all())
            return replace(found, seconds=time.perf_counter() - started)

    def check(
        self,
        inspected: Inspected,
        *,
        base: Inspected | None = None,
        progress: Report = unheard,
        cancelled: Cancelled = never,
    ) -> tuple[Finding, ...]:
        """The findings that take reading the whole file, in addition to ``inspected.findings``.

        SHA-256 against what the Hub says, NaN and infinities among the weights, the chat template rendered with an
        example. With ``base``, the model it was made from or the same file on the Hub, chat templates and checksums
        are held against it. Reads at disk speed; of a file on the Hub only the template is checked. CancelledError.
        """

        def work(run: Run) -> tuple[Finding, ...]:
            def heard(step: Progress) -> None:
                progress(step)
                run.report(step)

            return self._check(inspected, base, heard, lambda: run.stopped or cancelled())

        return self._jobs.perform(CHECK, f"Check of {inspected.title}", work, cancelled=cancelled)

    def _check(
        self, inspected: Inspected, base: Inspected | None, progress: Report, cancelled: Cancelled
    ) -> tuple[Finding, ...]:
        from desktop.services.inspect.weights import check_files

        try:
            found = [*check_files(inspected, base, progress, cancelled)]
        except OSError as error:
            raise _unreadable(inspected.title, error) from error
        if inspected.files:
            found += _rendered(inspected)
        if inspected.files and base is not None and base.files:
            found += _against(inspected, base)
        return _sorted(found)

    @cached_property
    def required_keys(self) -> RequiredKeys:
        """Keys the engine reads without a default, by architecture (resources/data/architecture_keys.csv)."""
        return {row["architecture"]: tuple(row["keys"].split()) for row in read_table("architecture_keys")}

    @cached_property
    def _architectures(self) -> frozenset[str]:
        try:
            return frozenset(self._ask_engine())
        except HeftError:  # an engine that does not start is told where it is used; here it only knows no names
            return frozenset()

    def _opened(self, source: str, resources: ExitStack, progress: Report, cancelled: Cancelled) -> Inspected:
        if not source.strip():
            raise UsageError("Nothing was named.", "Name a file, a folder, hf:OWNER/REPO/FILE, or starter.")
        if is_on_hub(source):
            return self._remote.open(parse_hub_source(source), progress, cancelled)
        path = find_path(source)
        if path is not None and path.is_dir():
            return open_folder(path, source, resources, cancelled)
        if path is not None:
            return open_local(path, source, resources, cancelled)
        try:
            model = self._library.resolve(source.strip())
        except NotFoundError as error:
            raise nothing_there(source, error) from error
        return open_local(model.path, source, resources, cancelled)

    def _findings(self, files: Sequence[InspectedFile]) -> list[Finding]:
        if not files:
            return []
        found = []
        for file in files:
            where = f"{file.name}: " if len(files) > 1 else ""
            found += [replace(problem, message=where + problem.message) for problem in file.header.problems]
        found += check_model([file.header for file in files], self.required_keys, lambda: self._architectures)
        templates = templates_of(files[0])
        if templates:
            from desktop.core.template_checks import check_template  # brings jinja2

            for name, template in templates:
                told = check_template(template)
                where = f"Template '{name}': " if name else ""
                found += [replace(marked.finding, message=where + marked.finding.message) for marked in told]
        return found


def templates_of(file: InspectedFile) -> list[tuple[str, str]]:
    """Name and text of each chat template of a file; the name is "" for the one in general use."""
    prefix = "tokenizer.chat_template"
    keys = [key for key in file.header.metadata if key == prefix or key.startswith(f"{prefix}.")]
    named = [(key.removeprefix(prefix).removeprefix("."), key) for key in keys[:MAX_TEMPLATES]]
    return [(name, text) for name, key in named if (text := file.header.text(key, _MAX_TEMPLATE_BYTES))]


def _rendered(inspected: Inspected) -> list[Finding]:
    templates = templates_of(inspected.files[0])
    if not templates:
        return []
    from desktop.engine.tools.prompt_text import RenderRequest
    from desktop.engine.tools.renderer import Renderer
    from desktop.engine.worker.protocol import ChatMessage

    renderer = Renderer(_EXAMPLE_SECONDS)
    found = []
    try:
        for name, template in templates:
            example = (ChatMessage("user", "Hello"), ChatMessage("assistant", "Hi"), ChatMessage("user", "Bye"))
            result = renderer.render(RenderRequest(template, example, "<s>", "</s>"))
            if result.error:
                where = f"Template '{name}': " if name else ""
                found.append(
                    Finding(
                        "warning",
                        f"{where}{result.error}",
                        "An example conversation of three messages was rendered with it, within limits.",
                        _CHATML_INSTEAD if result.harmless else _NO_CHAT,
                        about="template",
                    )
                )
    finally:
        renderer.close()
    return found


def _against(inspected: Inspected, base: Inspected) -> list[Finding]:
    from desktop.core.template_checks import compare_with_base

    theirs = dict(templates_of(base.files[0]))
    return [
        marked.finding
        for name, template in templates_of(inspected.files[0])
        if name in theirs
        for marked in compare_with_base(template, theirs[name])
    ]


def _unreadable(name: str, error: OSError) -> HeftError:
    return HeftError(
        f"{name} cannot be read: {error.strerror or error}.",
        "Check that the file is there and that you may read it.",
        detail=str(error),
        kind=FailureKind.NOT_READABLE,
    )


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)))
