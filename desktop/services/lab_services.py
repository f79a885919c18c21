"""The Lab's services as members of the container: making variants of models, and measuring what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.services.made_once import made_once
from desktop.services.members import Members

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from desktop.core.quality import MeasuredHere
    from desktop.services.chat.sampling import SamplingService
    from desktop.services.discover.tables import DataTables
    from desktop.services.engine.supervisor import EngineService
    from desktop.services.jobs import JobService
    from desktop.services.lab.at_hand import AtHandService
    from desktop.services.lab.benching import BenchingService
    from desktop.services.lab.chat_texts import ChatTexts
    from desktop.services.lab.comparing import ComparingService
    from desktop.services.lab.converting import ConvertingService
    from desktop.services.lab.hashes import FileHashes
    from desktop.services.lab.importance import ImportanceService
    from desktop.services.lab.measuring import MeasuringService
    from desktop.services.lab.mixing import MixingService
    from desktop.services.lab.number_lab import NumberLabService
    from desktop.services.lab.quantizing import QuantizingService
    from desktop.services.lab.rewriting import RewritingService
    from desktop.services.lab.tuning import TuningService
    from desktop.services.machine.this_machine import ThisMachine
    from desktop.services.models.answer_settings import AnswerSettingsService
    from desktop.services.models.library import LibraryService
    from desktop.services.planning.service import PlanningService
    from desktop.store.measurements import MeasurementStore
    from desktop.store.paths import Paths
    from desktop.store.settings import SettingsStore


class LabServices(Members):
    """Needs members of the whole."""

    paths: Paths
    jobs: made_once[JobService]
    engine: made_once[EngineService]
    this_machine: made_once[ThisMachine]
    settings: made_once[SettingsStore]
    library: made_once[LibraryService]
    planning: made_once[PlanningService]
    tables: made_once[DataTables]
    sampling: made_once[SamplingService]
    answers: made_once[AnswerSettingsService]

    @made_once
    def hashes(self) -> FileHashes:
        """Digests of model files."""
        from desktop.services.lab.hashes import FileHashes

        return FileHashes(self.paths.cache / "hashes.json")

    @made_once
    def quantizing(self) -> QuantizingService:
        """Makes variants of models."""
        from desktop.services.lab.quantizing import QuantizingService

        return QuantizingService(
            self.paths, self.jobs, self.library, lambda: self.planning, lambda: self.tables.quality, self.hashes,
            self.measurements,
        )  # fmt: skip

    @made_once
    def importance(self) -> ImportanceService:
        """Makes importance matrices."""
        from desktop.services.lab.importance import ImportanceService

        return ImportanceService(self.paths, self.jobs, self.library, lambda: self.planning, self.hashes)

    @made_once
    def mixing(self) -> MixingService:
        """Chooses types for a size."""
        from desktop.services.lab.mixing import MixingService

        return MixingService(
            self.paths, self.jobs, self.library, lambda: self.planning, self.hashes, lambda: self.quantizing
        )

    @made_once
    def benching(self) -> BenchingService:
        """Times models."""
        from desktop.services.lab.benching import BenchingService

        return BenchingService(
            self.paths, self.jobs, self.library, lambda: self.planning, self.hashes, self.this_machine
        )

    @made_once
    def tuning(self) -> TuningService:
        """Finds load settings."""
        from desktop.services.lab.resting import starter
        from desktop.services.lab.tuning import TuningService

        return TuningService(
            self.paths, self.jobs, self.library, lambda: self.planning, self.hashes,
            starter(self.paths, self.engine.hello), lambda models: self.at_hand.best_first(models),  # noqa: PLW0108
        )  # fmt: skip

    @made_once
    def measurements(self) -> MeasurementStore:
        """What was measured of models."""
        from desktop.store.measurements import MeasurementStore

        return MeasurementStore(self.paths.measurements)

    @made_once
    def measuring(self) -> MeasuringService:
        """Measures what models lose on texts."""
        from desktop.services.lab.measuring import MeasuringService
        from desktop.store.options import REFERENCE_CACHE

        return MeasuringService(
            self.paths, self.jobs, self.library, lambda: self.planning, self.hashes, self.measurements,
            lambda: self.settings.get(REFERENCE_CACHE),
        )  # fmt: skip

    @made_once
    def rewriting(self) -> RewritingService:
        """Merges, splits, and writes copies with other metadata."""
        from desktop.services.lab.rewriting import RewritingService

        return RewritingService(self.jobs, self.paths.jobs, self.library, self.hashes)

    @made_once
    def converting(self) -> ConvertingService:
        """Converts folders of safetensors."""
        from desktop.services.lab.converting import ConvertingService

        return ConvertingService(self.paths, self.jobs, self.library, self.hashes)

    @made_once
    def comparing(self) -> ComparingService:
        """Two models on the same prompts."""
        from desktop.services.lab.comparing import ComparingService
        from desktop.services.lab.resting import rest, starter
        from desktop.services.planning.reclaimable import held_by, held_of
        from desktop.services.serve.room import MemoryNow
        from desktop.store.votes import VoteStore

        machine = self.this_machine.for_load
        return ComparingService(
            self.library, lambda: self.planning, self.sampling, self.answers, starter(self.paths, self.engine.hello),
            MemoryNow(machine, dict), MemoryNow(machine, lambda: held_by(held_of(self.engine.state))),
            lambda cancelled: rest(self.engine, cancelled), VoteStore(self.paths.votes),
        )  # fmt: skip

    @made_once
    def number_lab(self) -> NumberLabService:
        """Numbers through formats and schemes."""
        from desktop.services.lab.number_lab import NumberLabService

        return NumberLabService(self.paths, self.library)

    @made_once
    def chat_texts(self) -> ChatTexts:
        """The user's chats as texts to measure on."""
        from contextlib import closing

        from desktop.services.lab.chat_texts import ChatTexts
        from desktop.store.chats import ChatStore

        # opened anew each time: a command mends nothing in what a running window writes
        return ChatTexts(self.paths.data / "lab", lambda: closing(ChatStore(self.paths.chats)))

    @made_once
    def at_hand(self) -> AtHandService:
        """The variants of a model on this computer, and which to take."""
        from desktop.services.lab.at_hand import AtHandService

        return AtHandService(
            self.library, lambda: self.planning, lambda: self.tables.quality, self.hashes, self.measured_of
        )

    def measured_here(self, digests: Sequence[str]) -> MeasuredHere | None:
        """What was measured of a model's loss, by the digests of its files."""
        from desktop.services.lab.measured import measured_here

        return measured_here(self.measurements, digests)

    def measured_of(self, files: Sequence[Path]) -> MeasuredHere | None:
        """What was measured of a model of this computer; its files are not read for that."""
        return self.measured_here([self.hashes.known(path) for path in files])
