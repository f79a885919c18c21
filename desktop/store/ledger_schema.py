"""The ledger's database: its table and its migrations."""

from __future__ import annotations

from desktop.store.database import Schema

_V1 = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    machine TEXT NOT NULL,
    engine TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('load', 'answer', 'bench')),
    model TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    quantization TEXT NOT NULL,
    context INTEGER NOT NULL,
    kv_type TEXT NOT NULL,
    gpu_layers INTEGER NOT NULL,
    threads INTEGER NOT NULL,
    figures TEXT NOT NULL
);
CREATE INDEX runs_by_machine ON runs (machine, at);
"""

# Until then the engine was left to choose flash attention, and how many layers' experts it kept in main memory was
# not written down.
_V2 = """
ALTER TABLE runs ADD COLUMN flash_attention TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE runs ADD COLUMN cpu_expert_layers INTEGER NOT NULL DEFAULT 0;
"""

# which devices beside the processor held layers; "" for none, and for runs of a time when that was not written down
_V3 = "ALTER TABLE runs ADD COLUMN devices TEXT NOT NULL DEFAULT '';"

SCHEMA = Schema("the ledger of runs", (_V1, _V2, _V3), ("runs",), busy_seconds=2.0)
