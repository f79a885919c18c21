"""Why the engine cannot load what was opened, as the library and a run say it too."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.core import naming
from desktop.core.findings import Finding
from desktop.core.model_fault import Fault, header_fault, not_gguf, part_facts, set_fault
from desktop.core.model_kind import ModelKind
from desktop.services.inspect.inspected import Inspected


def fault_of(opened: Inspected) -> Fault | None:
    """What is known of it by its names and headers; None where nothing is known to be wrong."""
    if opened.fault is not None:
        return opened.fault
    if opened.summary is not None and not opened.files:
        # a folder, or a model in another format, is what it is: only a name that promised GGUF is a fault
        promised = naming.is_model_file(opened.title) and opened.use is ModelKind.UNKNOWN
        return not_gguf(opened.summary) if promised else None
    own = next((fault for file in opened.files if (fault := header_fault(file.header, opened.use)) is not None), None)
    if own is not None or not opened.files:
        return own
    return set_fault([part_facts(file.name, file.header) for file in opened.files])


def with_fault(findings: Sequence[Finding], fault: Fault | None) -> list[Finding]:
    """The findings with the fault first, which is said once."""
    if fault is None or any(fault.message == finding.message for finding in findings):
        return list(findings)
    return [Finding("error", fault.message, "", fault.hint), *findings]
