"""The data tables behind the picker, each read at first use: quality, name parts, devices and machine profiles."""

from __future__ import annotations

from functools import cached_property

from desktop.core.hardware import Machine, from_json
from desktop.core.machines import Device, devices_from_rows
from desktop.core.naming_parts import NameReader, words_from_rows
from desktop.core.picks_table import KnownModel, known_from_rows
from desktop.core.quality import QualityTable, Step, measurements_from_rows, steps_from_rows
from desktop.core.spelling import words_of
from desktop.system.packaged import FOLDER, read_table


class DataTables:
    """Reads ``resources/data``. FileNotFoundError when the installation is incomplete."""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The ladder of quantizations in plain words."""
        return steps_from_rows(read_table("quantizations"))

    @cached_property
    def quality(self) -> QualityTable:
        """What was measured of each quantization."""
        return QualityTable(measurements_from_rows(read_table("quality")), self.steps)

    @cached_property
    def names(self) -> NameReader:
        """Explains the names of models."""
        return NameReader(words_from_rows(read_table("name_parts")), self.steps)

    @cached_property
    def known_models(self) -> tuple[KnownModel, ...]:
        """Well-known models, for when the Hub cannot be asked."""
        return known_from_rows(read_table("picks"))

    @cached_property
    def name_words(self) -> frozenset[str]:
        """The words that names of models are made of."""
        return words_of(row["pattern"] for row in read_table("name_parts") if row["kind"] in ("family", "tuning"))

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """Graphics cards and Apple chips for "what if"."""
        return devices_from_rows(read_table("devices"), read_table("bandwidth"))

    @cached_property
    def profiles(self) -> dict[str, Machine]:
        """The saved profiles that come with Heft, by their file's name without its ending."""
        files = sorted((FOLDER / "data" / "profiles").glob("*.json"))
        return {path.stem: from_json(path.read_bytes()) for path in files}
