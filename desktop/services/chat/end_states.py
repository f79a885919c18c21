"""How an answer ended, as it is kept with it."""

from __future__ import annotations

from desktop.core.failures import FailureKind
from desktop.engine.api import FinishReason
from desktop.store.chats import MessageState

STATES: dict[FinishReason, MessageState] = {
    "stop": "complete",
    "length": "length",
    "cancelled": "stopped",
    "context-full": "context-full",
}
FAILED_STATES: dict[FailureKind, MessageState] = {
    FailureKind.CANCELLED: "stopped",
    FailureKind.CONTEXT_FULL: "context-full",
}
NOTES = {
    "context-full": "The context is full, so the answer stopped here.",
}
