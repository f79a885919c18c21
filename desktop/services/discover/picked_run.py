"""Runs a variant just as it was weighed, or downloads it and remembers how it is to run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from desktop.core.errors import StoreError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LoadSettings
from desktop.core.model_ref import ModelRef, hub_identity
from desktop.core.variants import CompanionKind, Variant
from desktop.services.discover.picker_records import Controls, VariantRow
from desktop.services.models.companion_words import companion_name, download_name
from desktop.services.models.downloads import DownloadService
from desktop.services.models.kind_words import must_write_text
from desktop.services.planning.service import PlanningService

_log = logging.getLogger(__name__)


class PickedRun:
    """Calls may come from any thread."""

    def __init__(
        self,
        planning: Callable[[], PlanningService],
        downloads: DownloadService,
        model_at: Callable[[Path], ModelRef],
    ) -> None:
        """``model_at`` is the model of a file on this computer."""
        self._planning, self._downloads, self._model_at = planning, downloads, model_at

    def run_or_fetch(
        self,
        repo: str,
        row: VariantRow,
        controls: Controls,
        here: Path | None,
        along: Collection[CompanionKind] = (),
    ) -> LoadPlan | None:
        """The plan to load a variant by, whose first file is ``here``; None: its download has begun instead, with the
        companions that are wanted ``along``.

        Raises HeftError.
        """
        variant = row.variant
        asked = _asked(row, controls)
        self._remember(ModelRef(variant.name, hub_identity(repo, variant.first_file.path)), asked)
        if here is None or not here.exists():  # it may have been removed meanwhile
            files = [file.path for file in variant.files_to_fetch(along)]
            self._downloads.start(repo, files, name=download_name(repo, variant, along))
            return None
        ref = self._model_at(here)
        self._remember(ref, asked)
        if row.plan is None or controls.machine is not None:
            return _runnable(self._planning().for_load(ref, asked))
        return _runnable(row.plan.at(ref))

    def fetch_companion(self, repo: str, variant: Variant, kind: CompanionKind, here: Path | None) -> None:
        """Download a companion by itself, beside its variant, whose first file is ``here``."""
        files = [file.path for companion in variant.companions if companion.kind == kind for file in companion.files]
        folder = self._downloads.place_beside(here, variant.first_file.path)
        self._downloads.start(repo, files, name=companion_name(repo, variant, kind), folder=folder)

    def run_file(self, path: Path) -> LoadPlan:
        """The plan of a downloaded file, as it was set up when its download began. Raises HeftError."""
        return _runnable(self._planning().for_load(self._model_at(path)))

    def _remember(self, ref: ModelRef, asked: LoadSettings) -> None:
        try:
            self._planning().remember(ref, asked)
        except StoreError as error:  # which keeps nothing from being run
            _log.warning("how a model is loaded was not kept: %s", error.message)


def _runnable(plan: LoadPlan) -> LoadPlan:
    """The plan; HeftError for a file that cannot chat, so that nobody is led to a chat with it."""
    must_write_text(plan.ref.name, plan.kind, plan.fault)
    return plan


def _asked(row: VariantRow, controls: Controls) -> LoadSettings:
    """What a row was weighed with. What was set for the devices of another machine says nothing of this one's."""
    asked = (
        controls.asked(row.trained_context)
        if row.plan is None
        else replace(row.plan.asked, threads=controls.load.threads)
    )
    return asked if controls.machine is None else asked.elsewhere
