"""What a whole model lacks: keys of its architecture, shards, a chat template, an engine that knows it.

Unlike ``checks`` these need more than one header: the table of required keys, all shards, the engine's list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from desktop.core.failures import FailureKind
from desktop.core.findings import Finding
from desktop.core.gguf.checks import DOWNLOAD_AGAIN, OTHER_FILE, PARTS, check_file_type
from desktop.core.gguf.header import Header
from desktop.core.gguf.key_types import check_key_types
from desktop.core.gguf.kind import model_kind
from desktop.core.gguf.tokenizer_checks import check_tokenizer
from desktop.core.gguf.values import ValueType
from desktop.core.model_fault import missing_fault, part_facts
from desktop.core.words import tr

RequiredKeys = Mapping[str, tuple[str, ...]]  # by architecture; "*" holds for all, with "*" for the architecture

_CHAT_WORDS = ("instruct", "chat")
_MAX_TAGS = 100


def check_model(
    headers: Sequence[Header], required: RequiredKeys, engine_architectures: Callable[[], Collection[str]]
) -> list[Finding]:
    """Findings about a model by the headers of its shards in order (one for a file that is not split).

    ``required`` is the table ``architecture_keys``; the engine's own list is asked only for an architecture that is
    not in it. Projectors, adapters and imatrix files are no models: nothing is expected of them here.
    """
    first = headers[0]
    found = [*check_split(headers)]
    if not first.architecture or model_kind(first) in PARTS:
        return found
    found += _architecture(first, required, engine_architectures)
    if not any(header.tensors for header in headers):
        if first.complete:
            found.append(
                Finding(
                    "note",
                    tr("This is a vocabulary without weights: it can be inspected, not run."),
                    tr("The file lists no tensors."),
                    tr("To run the model, take the file that has its weights."),
                )
            )
        return found
    if first.complete:
        found += _required(first, required)
        found += check_key_types(first)
        found += check_tokenizer(headers)
        found += _template(first)
    if len(headers) > 1:
        found += check_file_type(first.file_type, [share for header in headers for share in header.shares()])
    return found


def first_refusal(headers: Sequence[Header]) -> Finding | None:
    """The first reason for which the engine will refuse a model by the complete headers of all its shards, as far as
    it follows from them alone; None where none does.
    """
    found = [problem for header in headers for problem in header.problems]
    if model_kind(headers[0]) not in PARTS:
        found += [*check_split(headers), *check_key_types(headers[0]), *check_tokenizer(headers)]
    return next((finding for finding in found if finding.refused), None)


def check_split(headers: Sequence[Header]) -> Iterable[Finding]:
    """Whether the shards are all there and belong together (llama_model_loader's own rules)."""
    split = headers[0].split
    if split is None:
        return
    count = split[1]
    numbers = [header.split[0] if header.split else -1 for header in headers]
    fault = missing_fault([part_facts("", header) for header in headers])
    if fault is not None:
        reason = "The engine loads all parts or none; it looks for them beside the first, under their original names."
        yield Finding(
            "error", fault.message, reason, fault.hint, about="key:split.count", kind=FailureKind.MISSING_SHARD
        )
    misnamed = [number for before, number in pairwise(numbers) if number <= before]
    if misnamed:
        yield Finding(
            "error",
            tr(
                "The parts are not what their names say: one of them holds part {misnamed} in another's place.",
                misnamed=misnamed[0] + 1,
            ),
            tr("Every part carries its number (split.no); the engine compares it with the name and refuses the model."),
            tr("Give the parts their own names again, or download them again."),
            about="key:split.no",
        )
    if any(header.split and header.split[1] != count for header in headers):
        yield Finding(
            "error",
            tr("The parts disagree about how many there are; they come from different models."),
            tr("Every part carries the same split.count."),
            DOWNLOAD_AGAIN,
            about="key:split.count",
        )
    declared = headers[0].integer("split.tensors.count")
    present = {number for number in numbers if 0 <= number < count}
    listed = sum(len(header.tensors) for header in headers)
    complete = all(header.complete for header in headers)
    if declared is not None and complete and len(present) == len(headers) == count and declared != listed:
        yield Finding(
            "error",
            tr(
                "The parts list {listed:,} tensors together, but split.tensors.count says {declared:,}.",
                listed=listed,
                declared=declared,
            ),
            tr("The engine compares both and refuses the model; one part may come from another version of it."),
            DOWNLOAD_AGAIN,
            about="key:split.tensors.count",
        )


def _architecture(
    header: Header, required: RequiredKeys, engine_architectures: Callable[[], Collection[str]]
) -> Iterable[Finding]:
    name = header.architecture
    if name in required:
        return
    known = engine_architectures()
    if known and name not in known:
        yield Finding(
            "error",
            tr("The installed engine does not know the architecture '{name}'.", name=name[:80]),
            tr(
                "It knows {known}; each has code of its own in llama.cpp, and this one has none there.",
                known=len(known),
            ),
            tr("Update Heft; if it stays unknown, look for a program that runs this model."),
            header.metadata["general.architecture"].offset,
            "key:general.architecture",
            FailureKind.UNKNOWN_ARCHITECTURE,
        )


def _required(header: Header, required: RequiredKeys) -> Iterable[Finding]:
    name = header.architecture
    common = [key.replace("*", name, 1) for key in required.get("*", ())]
    missing = [key for key in (*common, *required.get(name, ())) if key not in header.metadata]
    if missing:
        listed = ", ".join(missing)
        yield Finding(
            "error",
            tr("The metadata lack what a model of architecture '{name}' needs: {listed}.", name=name, listed=listed),
            tr("The engine reads them without a default and refuses the file."),
            OTHER_FILE,
            about=f"key:{missing[0]}",
        )


def _template(header: Header) -> Iterable[Finding]:
    if any(key in header.metadata for key in ("tokenizer.chat_template", "tokenizer.chat_templates")):
        return
    tags = header.array("general.tags")
    words = [header.string("general.finetune"), header.name]
    if tags is not None and tags.type is ValueType.STRING:
        words += tags.strings(0, _MAX_TAGS)
    told = next((word for word in words if any(part in word.lower() for part in _CHAT_WORDS)), "")
    if told:
        yield Finding(
            "warning",
            tr("The file has no chat template, though it is called '{told}'.", told=told[:80]),
            tr(
                "Without it nothing says how this model marks who speaks: where its vocabulary has "
                "ChatML's marks these are used, else it continues your text instead of answering."
            ),
            tr("Look for a file of this model that has one, or use it with plain prompts."),
            about="template",
        )
