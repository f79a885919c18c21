"""desktop/engine/planner/plan_log.py: what a planned load's log says, with lines of llama.cpp 0c1e57098."""

from __future__ import annotations

from desktop.engine.planner.plan_log import counted_twice

STEP = "sched_reserve: worst-case: n_tokens = 512, n_seqs = 1, n_outputs = 1\n"


def test_what_no_alloc_counts_twice_where_several_devices_hold_all_of_a_model() -> None:
    assert counted_twice(f"llama_context: pipeline parallelism enabled\n{STEP}", 256) == 2 << 20
    assert counted_twice(STEP, 256) == 0
    assert counted_twice("llama_context: pipeline parallelism enabled\n", 256) == 0
