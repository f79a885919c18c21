"""What is inside a model file, on this computer or still on the Hub: the page Inspect and ``heft inspect``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property

from desktop.core import naming
from desktop.core.cancelled import Cancelled, CancelledError, never
from desktop.core.errors import HeftError, NotFoundError, UsageError
from desktop.core.findings import Finding
from desktop.core.gguf import Header
from desktop.core.gguf.checks import PARTS, check_label
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.model_checks import RequiredKeys, check_model
from desktop.core.hub_address import is_on_hub
from desktop.core.model_kind import ModelKind
from desktop.core.progress import Report, unheard
from desktop.core.words import tr
from desktop.hub.client import HubClient
from desktop.hub.header import HeaderReader
from desktop.hub.search import HubSearch
from desktop.services.inspect.faults import fault_of, with_fault
from desktop.services.inspect.finding_words import in_order, unreadable
from desktop.services.inspect.inspected import Inspected, InspectedFile, ModelEntry, PlacedTensor
from desktop.services.inspect.local import open_folder, open_local
from desktop.services.inspect.paths import find_path, nothing_there
from desktop.services.inspect.refusals import ENGINE_REFUSES
from desktop.services.inspect.remote import RemoteOpener, parse_hub_source
from desktop.services.inspect.templates import templates_of
from desktop.services.inspect.whole_check import check_kind, check_order
from desktop.services.job_work import perform
from desktop.services.jobs import JobService
from desktop.services.models.library import LibraryService
from desktop.store.ollama import blob_names
from desktop.store.paths import Paths
from desktop.system.packaged import read_table

_log = logging.getLogger(__name__)

__all__ = ["Finding", "Inspected", "InspectedFile", "InspectionService", "ModelEntry", "PlacedTensor"]

_OLLAMA_OF_HUB = ("hf.co/", "huggingface.co/")  # what Ollama calls models that it took from the Hub
_IMATRIX = "imatrix"  # the old form, which is no GGUF file: an id of core.formats


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
        plan: Callable[[Sequence[Header], Cancelled], None] = lambda _headers, _cancelled: None,
    ) -> None:
        """``architectures`` names those the installed engine knows; it may take seconds and is asked seldom.
        ``plan`` lets the engine plan a model's load by its headers, and raises what the engine says of one it refuses.

        ``hub`` stays at hand for what else of a remote file is read. A check of a whole file is a job of ``jobs``.
        """
        self._jobs = jobs or JobService()
        self._checks = check_kind(self.open, paths.jobs)
        self._jobs.register(self._checks)
        self._library = library
        self.hub = hub
        self._remote = RemoteOpener(hub, HeaderReader(hub, paths.remote_headers), HubSearch(hub, paths.cache / "hub"))
        self._ask_engine, self._plan = architectures, plan

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
                use = model_kind(opened.header) if opened.files else ModelKind.UNKNOWN
                if opened.kind == _IMATRIX:
                    use = ModelKind.IMATRIX
            except OSError as error:
                raise unreadable(source, error) from error
            fault = fault_of(replace(opened, use=use))
            findings = [*opened.findings, *self._findings(opened.files)]
            found = replace(opened, findings=in_order(with_fault(findings, fault)), use=use, fault=fault)
            if found.files:  # their arrays are read on demand; a summary holds all it tells
                found = replace(found, resources=resources.pop_all())
            return replace(found, seconds=time.perf_counter() - started)

    def trial(self, inspected: Inspected, *, cancelled: Cancelled = never) -> tuple[Finding, ...]:
        """What the engine itself says of a model by its header, in addition to ``inspected.findings``: why it will
        refuse it, or nothing. It is not asked where that is known already, nor of files that are read beside a model.

        Takes a second where the engine was not asked for a while. Raises CancelledError.
        """
        headers = [file.header for file in inspected.files]
        known = any(finding.refused for finding in inspected.findings)
        if known or not headers or not all(header.complete for header in headers) or inspected.use in PARTS:
            return ()
        try:
            self._plan(headers, cancelled)
        except CancelledError:
            raise
        except HeftError as error:
            if error.kind in ENGINE_REFUSES:
                reason = "The engine was asked to plan a load by this header, and refused."
                return (Finding("error", error.message, reason, error.hint, kind=error.kind),)
        except Exception as error:  # a header that makes Heft fail is no finding about the engine
            if cancelled():  # its file was closed meanwhile
                raise CancelledError from error
            _log.exception("trying %s", inspected.title)
        return ()

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
        return perform(
            self._jobs,
            self._checks,
            f"Check of {inspected.title}",
            check_order(inspected, base),
            (inspected, base),
            progress=progress,
            cancelled=cancelled,
        )

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
            raise UsageError(tr("Nothing was named."), tr("Name a file, a folder, hf:OWNER/REPO/FILE, or starter."))
        if is_on_hub(source) and not (source.casefold().startswith(_OLLAMA_OF_HUB) and self._library.knows(source)):
            return self._remote.open(parse_hub_source(source), progress, cancelled)
        path = find_path(source)
        if path is not None and path.is_dir():
            return open_folder(path, source, resources, cancelled)
        if path is not None:
            called = next((found.name for found in blob_names(path.absolute())), "")
            return open_local(path, source, resources, cancelled, called)
        try:
            model = self._library.resolve(source.strip())
        except NotFoundError as error:
            raise nothing_there(source, error) from error
        called = "" if model.name == naming.stem(model.path.name) else model.name
        return open_local(model.path, source, resources, cancelled, called)

    def _findings(self, files: Sequence[InspectedFile]) -> list[Finding]:
        if not files:
            return []
        found = []
        for file in files:
            where = f"{file.name}: " if len(files) > 1 else ""
            found += [replace(problem, message=where + problem.message) for problem in file.header.problems]
        found += check_model([file.header for file in files], self.required_keys, lambda: self._architectures)
        found += check_label(naming.label(files[0].name), [share for file in files for share in file.header.shares()])
        templates = templates_of(files[0])
        if templates:
            from desktop.core.template_checks import check_template  # brings jinja2

            for name, template in templates:
                told = check_template(template)
                where = f"Template '{name}': " if name else ""
                found += [replace(marked.finding, message=where + marked.finding.message) for marked in told]
        return found
