"""What is noteworthy about a model file: said once, in words, with the reason and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from desktop.core.failures import FailureKind
from desktop.core.words import tr

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding. ``error``: the engine will not run the file, or it was made to harm. ``warning``: it may disappoint
    or deceive. ``note``: good to know.

    ``message`` says what is the case, ``reason`` why it matters or how it is known, ``action`` the one thing to do.
    ``offset`` is the byte of the file where it stands, if it has one. ``about`` is "file", "tensor:NAME", "key:KEY"
    or "template". ``kind`` is that of the failure it will be when the file is loaded.
    """

    severity: Severity
    message: str
    reason: str = ""
    action: str = ""
    offset: int | None = None
    about: str = "file"
    kind: FailureKind = FailureKind.BAD_FILE

    @property
    def refused(self) -> bool:
        """Whether the engine will not load the file for it."""
        return self.severity == "error" and self.about != "template"

    @property
    def placed(self) -> str:
        """The message with the byte it is about, unless that is said in it."""
        if self.offset is None or f"{self.offset:,}" in self.message:
            return self.message
        return tr("{message} (byte {offset:,})", message=self.message, offset=self.offset)
