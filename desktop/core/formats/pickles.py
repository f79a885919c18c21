"""Pickle files and PyTorch checkpoints: what they would import and call, judged against a short list of harmless names.

The list is that of PyTorch's own restricted unpickler (torch/_weights_only_unpickler.py, _get_allowed_globals), with
the functions NumPy arrays need. Everything else counts as dangerous, because loading runs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.core.findings import Finding
from desktop.core.formats.catalog import Catalog
from desktop.core.formats.pickle_scan import COMPUTED, MAX_OPERATIONS, Import, PickleScan, scan_pickle
from desktop.core.formats.reading import head
from desktop.core.formats.summary import Danger, Fact, Summary, TensorRow
from desktop.core.gguf.source import ByteSource
from desktop.core.text import one_line
from desktop.core.units import human_bytes
from desktop.core.words import tr

MAX_PICKLES = 64  # in one file
TORCH_PICKLES = 5  # before the raw weights of torch.save before version 1.6: magic, version, system, object, keys
TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
ENDINGS = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".sav", ".dat")

_DO_NOT_LOAD = "Do not load this file."
_HARMLESS = frozenset(
    {
        "collections.OrderedDict",
        "collections.Counter",
        "collections.defaultdict",
        "_codecs.encode",
        "copyreg._reconstructor",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "numpy.dtype",
        "numpy.ndarray",
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.nn.Parameter",
        "torch.nn.parameter.Parameter",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        "torch._tensor._rebuild_from_type_v2",
        *(
            f"builtins.{name}"
            for name in ("bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list")
        ),
        *(f"builtins.{name}" for name in ("object", "range", "set", "slice", "str", "tuple", "bool")),
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    }
)
_HARMLESS_PATTERN = re.compile(
    r"torch\._utils\._rebuild_(?:tensor|tensor_v2|tensor_v3|parameter|parameter_with_state|qtensor|sparse_tensor"
    r"|meta_tensor_no_storage|wrapper_subclass|device_tensor_from_numpy|device_tensor_from_cpu_tensor)"
    r"|torch(?:\.cuda)?\.(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|QInt8|QUInt8|QInt32|ComplexFloat"
    r"|ComplexDouble)(?:Storage|Tensor)"
    r"|torch\.(?:u?int\d{1,2}|float(?:16|32|64|8_\w{3,12})|bfloat16|half|double|long|bool|complex\d{2,3}|q[u]?int\d{1,2}"
    r"|per_(?:tensor|channel)_\w{6,24})"
)
# Modules whose use in a pickle has no other purpose than to run something (picklescan's and fickling's lists agree).
_COMMANDS = frozenset(
    {"os", "posix", "nt", "subprocess", "sys", "socket", "shutil", "runpy", "importlib", "pty", "ctypes", "webbrowser"}
    | {"pickle", "_pickle", "code", "codeop", "marshal", "types", "operator", "functools", "asyncio", "multiprocessing"}
    | {"urllib", "requests", "http", "ftplib", "smtplib", "tempfile", "platform", "pdb", "bdb", "timeit", "pip", "venv"}
)
_BUILTIN_COMMANDS = frozenset(
    {"eval", "exec", "compile", "open", "getattr", "setattr", "__import__", "globals", "vars"}
)
_OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}


@dataclass(frozen=True)
class Verdict:
    """Several scans judged together."""

    danger: Danger
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    tensors: tuple[TensorRow, ...]


def path_of(found: Import) -> str:
    """MODULE.NAME with Python 2's module names as Python 3 has them."""
    return f"{_OLD_MODULES.get(found.module, found.module)}.{found.name}"


def is_harmless(path: str) -> bool:
    """Whether loading this import runs nothing but the rebuilding of arrays and containers."""
    return path in _HARMLESS or _HARMLESS_PATTERN.fullmatch(path) is not None


def runs_commands(path: str) -> bool:
    """Whether this import is known to start programs, open files or evaluate code."""
    module, _, name = path.partition(".")
    return module in _COMMANDS or (module == "builtins" and name.split(".")[0] in _BUILTIN_COMMANDS)


def judge(scans: Sequence[PickleScan]) -> Verdict:
    """What loading these pickles would do: dangerous as soon as one import is not known to be harmless."""
    facts: list[Fact] = []
    findings: list[Finding] = []
    dangerous = False
    seen: dict[str, tuple[PickleScan, Import]] = {}
    for scan in scans:
        for found in scan.imports:
            seen.setdefault(path_of(found), (scan, found))
        if scan.problem:
            dangerous = True
            reason = "What follows is unknown; loading it still runs everything before."
            findings.append(Finding("error", one_line(scan.problem, 400), reason, _DO_NOT_LOAD, scan.problem_offset))
        if scan.computed_calls:
            dangerous = True
            message = f"It calls {scan.computed_calls:,} times something that it does not import by name."
            findings.append(Finding("error", message, tr("What that is only shows when it is loaded."), _DO_NOT_LOAD))
    for path, (scan, found) in sorted(seen.items(), key=lambda item: (is_harmless(item[0]), item[0])):
        harmless = is_harmless(path)
        calls = sum(other.calls[found] for other in scans)
        use = f"called {calls:,} times" if calls > 1 else "called once" if calls else "not called"
        known = "harmless" if harmless else "not on the list of harmless names"
        facts.append(Fact(tr("Import {facts}", facts=len(facts) + 1), f"{one_line(path, 120)}: {known}, {use}"))
        if not harmless:
            dangerous = True
            findings.append(_finding(path, scan, found))
    rows = tuple(row for scan in scans for row in scan.tensors)
    return Verdict("dangerous" if dangerous else "plain", tuple(facts[:200]), tuple(findings[:100]), rows)


def _finding(path: str, scan: PickleScan, found: Import) -> Finding:
    name = one_line(path, 100)
    example = one_line(scan.examples.get(found, ""), 300)
    if COMPUTED in path:
        message = "It imports something whose name it works out while it is loaded."
        return Finding("error", message, tr("Harmless files have no reason to."), _DO_NOT_LOAD, scan.imports[found])
    if runs_commands(path):
        message = f"Loading it would run {example}." if example else f"Loading it would import {name}."
        reason = f"{name} can start programs, open files or evaluate code."
        return Finding("error", message, reason, _DO_NOT_LOAD, scan.imports[found])
    message = f"Loading it would run {example}." if example else f"Loading it would import {name}."
    reason = "The name is not on the list of harmless ones; what it does depends on what is installed."
    return Finding("warning", message, reason, tr("Load it only if you trust its maker."), scan.imports[found])


def summarise(source: ByteSource, name: str, catalog: Catalog) -> Summary | None:
    """A file of one or more pickles; None when its bytes are no pickle."""
    first = scan_pickle(source)
    if not _is_pickle(source, first, name):
        return None
    scans = _all_scans(source, first)
    verdict = judge(scans)
    legacy_torch = len(scans) == TORCH_PICKLES and TORCH_MAGIC in head(source, 32)
    facts = [Fact(tr("Pickles"), f"{len(scans)}"), Fact(tr("Protocol"), str(first.protocol))]
    facts.append(Fact(tr("Operations"), f"{sum(scan.operations for scan in scans):,}"))
    rest = source.size - scans[-1].end
    if rest and not scans[-1].problem:
        facts.append(Fact(tr("Data after them"), human_bytes(rest)))
    if verdict.tensors:
        facts.append(Fact(tr("Tensors"), f"{len(verdict.tensors):,}"))
    return catalog.summary(
        "pytorch" if legacy_torch else "pickle",
        danger=verdict.danger,
        facts=(*facts, *verdict.facts),
        findings=verdict.findings,
        tensors=verdict.tensors,
    )


def _is_pickle(source: ByteSource, scan: PickleScan, name: str) -> bool:
    binary = source.size > 2 and head(source, 1) == b"\x80" and 2 <= scan.protocol <= 5
    if not scan.problem:
        # A short text may happen to be a pickle of protocol 0: it counts when it does something or is named so.
        return binary or bool(scan.imports) or (scan.operations > 1 and name.lower().endswith(ENDINGS))
    if binary:
        return scan.operations > 3 or name.lower().endswith(ENDINGS)
    return bool(scan.calls) and (scan.computed_calls == 0 or name.lower().endswith(ENDINGS))


def _all_scans(source: ByteSource, first: PickleScan) -> list[PickleScan]:
    scans = [first]
    limit = TORCH_PICKLES if TORCH_MAGIC in head(source, 32) else MAX_PICKLES
    while len(scans) < limit and not scans[-1].problem and scans[-1].end + 2 < source.size:
        start = scans[-1].end
        lead = bytes(source.window(start, 2)[:2])
        if lead[0] != 0x80 or not 2 <= lead[1] <= 5:
            break
        scans.append(scan_pickle(source, start, MAX_OPERATIONS - sum(scan.operations for scan in scans)))
    return scans
