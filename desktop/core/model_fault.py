"""Why the engine cannot load a file or a set of files, known before it is started: one sentence and one thing to do.

Sources: llama.cpp 0c1e57098, ``src/llama-model-loader.cpp`` (split.no, split.count, names of splits) and
``src/llama.cpp`` (llama_split_path: five digits); Ollama, ``model/models`` (names of architectures that only its own
engine has) and ``convert`` (one file for the text model and its vision tower).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop.core import naming
from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.model_kind import ModelKind
from desktop.core.text import one_line
from desktop.core.words import tr

if TYPE_CHECKING:  # the window starts without the formats, and the header's module imports this one
    from desktop.core.formats.summary import Summary
    from desktop.core.gguf.header import Header

_OLLAMA_ARCHITECTURES = {"mllama": "", "qwen25vl": "", "gptoss": "gpt-oss"}  # llama.cpp's name, "" where it has another
_TOWERS = ("v.", "mm.", "a.")  # tensors of a vision or sound encoder; llama.cpp has them in a projector
_FIVE_DIGITS = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_MOST_PARTS = 1000  # that are looked for by number


@dataclass(frozen=True)
class Fault:
    """``message`` says what the file is, ``hint`` the one thing to do; ``kind`` is for :class:`HeftError`.

    ``joins`` says that all of it is there and only has to be joined.
    """

    message: str
    hint: str
    kind: FailureKind = FailureKind.BAD_FILE
    joins: bool = False

    @property
    def words(self) -> str:
        """Both, as a line of a list."""
        return f"{self.message} {self.hint}".strip()

    def error(self, name: str) -> HeftError:
        """As a refusal of the model ``name``."""
        return HeftError(
            tr("{name} cannot be loaded. {message}", name=name, message=self.message), self.hint, kind=self.kind
        )


@dataclass(frozen=True)
class PartFacts:
    """What a set is judged by, of one of its files: the part it says to be (from 0) of how many, its tensors, and how
    many the whole model has (0: not said)."""

    name: str
    part: int
    parts: int
    tensors: int
    all_tensors: int


def part_facts(name: str, header: Header) -> PartFacts:
    """Of an opened file."""
    part, parts = header.split or (0, 1)
    return PartFacts(name, part, parts, len(header.tensors), header.integer("split.tensors.count") or 0)


def not_gguf(summary: Summary) -> Fault:
    """A file that is something else, as it was recognised."""
    line = next((fact.value for fact in summary.facts if fact.label == tr("First line")), "")
    message = (
        tr("{what} It begins: {line}", what=summary.what, line=one_line(line, 80))
        if summary.id == "text" and line
        else summary.what
    )
    return Fault(message, summary.advice)


def header_fault(header: Header, kind: ModelKind) -> Fault | None:
    """What a header alone tells of a file of this kind: a model that was written for another engine, or for none."""
    architecture = header.architecture
    if not architecture and kind is ModelKind.UNKNOWN and header.complete and not header.split:
        return Fault(
            tr("general.architecture is missing, so the engine cannot tell how to run it."),
            tr("Look for another or a newer file of this model."),
        )
    if architecture not in ("", "clip") and header.string("general.type") in ("", "model"):
        names = {tensor.name for tensor in header.tensors}
        has_tower = any(name.startswith(_TOWERS) for name in names)
        if has_tower and "token_embd.weight" in names:
            return Fault(
                tr(
                    "Made for Ollama's engine: the model and its image or sound encoder are one file, "
                    "which llama.cpp does not load."
                ),
                tr(
                    "Take the model's GGUF version from the Hub: it brings the encoder as a projector "
                    "(mmproj) beside it."
                ),
            )
        if architecture in _OLLAMA_ARCHITECTURES:
            other = _OLLAMA_ARCHITECTURES[architecture]
            known = tr(", which llama.cpp calls {other}", other=other) if other else ""
            return Fault(
                tr(
                    "Made for Ollama's engine: only it knows the architecture {architecture}{known}.",
                    architecture=architecture,
                    known=known,
                ),
                tr("Take the model's GGUF version for llama.cpp from the Hub."),
                FailureKind.UNKNOWN_ARCHITECTURE,
            )
    return None


def cut_off_fault(header: Header) -> Fault | None:
    """Of a file that is on this computer: data that its header tells of is not in it."""
    available = header.file_bytes - header.data_offset
    outside = sum(1 for tensor in header.tensors if tensor.offset + (tensor.size_bytes or 0) > available)
    if not outside:
        return None
    return Fault(
        tr(
            "The file is incomplete: {outside:,} of its {tensors:,} tensors lie beyond its end.",
            outside=outside,
            tensors=len(header.tensors),
        ),
        tr("Download it again."),
    )


def piece_fault(names: Sequence[str], missing: int, *, cut_short: bool = False) -> Fault | None:
    """Of plain pieces of a file; ``missing`` are those that are known not to be there, ``cut_short`` says that the
    bytes of all together are too few. None for other files."""
    shard = naming.shard(names[0]) if names else None
    if shard is None or not shard.concatenated:
        return None
    if missing or cut_short or len(names) < 2:
        return Fault(
            tr("A piece of a file that was cut; {missing}.", missing=_lost(missing, len(names))),
            tr("Download the missing pieces into the same folder."),
            FailureKind.MISSING_SHARD,
        )
    return Fault(
        tr("A file that was cut into {names} pieces, which the engine does not load.", names=len(names)),
        tr("Join them into one file: “Join pieces” in the Library, or heft library --join NAME."),
        joins=True,
    )


def set_fault(parts: Sequence[PartFacts]) -> Fault | None:
    """Of the parts of a split model that are there, in order; the engine loads the first."""
    return missing_fault(parts) or names_fault(parts)


def missing_fault(parts: Sequence[PartFacts]) -> Fault | None:
    """What is missing of a split model."""
    first = parts[0]
    count = first.parts
    if count <= 1:  # whatever its name says: it is no part
        return None
    there = {part.part for part in parts}
    missing = [number + 1 for number in range(min(count, _MOST_PARTS)) if number not in there]
    if missing and first.all_tensors and first.tensors == first.all_tensors:
        return Fault(
            tr(
                "The file holds all {tensors:,} tensors of the model, but says that it is part "
                "{part} of {count:,}, so the engine looks for the others.",
                tensors=first.tensors,
                part=first.part + 1,
                count=count,
            ),
            tr("Put the other parts beside it, or take a version of the model that is one file."),
            FailureKind.MISSING_SHARD,
        )
    if missing:
        some = ", ".join(map(str, missing[:8])) + (tr(" and more") if len(missing) > 8 else "")
        return Fault(
            tr(
                "The model is split into {count:,} files, of which {missing:,} is missing: {some}."
                if len(missing) == 1
                else "The model is split into {count:,} files, of which {missing:,} are missing: {some}.",
                count=count,
                missing=len(missing),
                some=some,
            ),
            tr("Download the missing parts into the same folder."),
            FailureKind.MISSING_SHARD,
        )
    return None


def names_fault(parts: Sequence[PartFacts]) -> Fault | None:
    """Parts that are all there, and that the engine does not find by their names."""
    first = parts[0]
    if first.parts > 1 and not all(_FIVE_DIGITS.search(part.name) for part in parts):
        return Fault(
            tr("The engine does not find the parts of this model, since it looks for numbers of five digits."),
            tr(
                "Rename them to {name}-00001-of-{parts:05d}.gguf and so on.",
                name=one_line(naming.stem(first.name), 60),
                parts=first.parts,
            ),
            FailureKind.MISSING_SHARD,
        )
    return None


def _lost(missing: int, there: int) -> str:
    if not missing:
        return tr("the others are not beside it") if there < 2 else tr("the last ones are missing")
    return tr(
        "{missing} of {missing2} pieces is missing" if missing == 1 else "{missing} of {missing2} pieces are missing",
        missing=missing,
        missing2=missing + there,
    )
