"""Findings in order and in words: for the page Inspect, the list of jobs and the commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from desktop.core.errors import HeftError
from desktop.core.failures import FailureKind
from desktop.core.findings import Finding, Severity
from desktop.core.words import counted, tr

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


def findings_counted(findings: Sequence[Finding]) -> str:
    """``1 error, 2 warnings``; "" without findings."""
    counts = Counter(finding.severity for finding in dict.fromkeys(findings))
    said = {
        "error": counted(counts["error"], "error"),
        "warning": counted(counts["warning"], "warning"),
        "note": counted(counts["note"], "note"),
    }
    return ", ".join(said[kind] for kind in SEVERITIES if counts[kind])


def check_words(findings: Sequence[Finding]) -> str:
    """What came of a check in one line: how many findings, and the gravest."""
    return f"{findings_counted(findings)}: {in_order(findings)[0].message}" if findings else tr("no problems found")


def unreadable(name: str, error: OSError) -> HeftError:
    return HeftError(
        tr("{name} cannot be read: {strerror}.", name=name, strerror=error.strerror or error),
        tr("Check that the file is there and that you may read it."),
        detail=str(error),
        kind=FailureKind.NOT_READABLE,
    )


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The gravest first."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
