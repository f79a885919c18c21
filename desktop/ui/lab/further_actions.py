"""What can be done in the Lab with importance matrices, sizes and speed tests."""

from __future__ import annotations

from desktop.ui.shell.action import Action, Condition, Declared

LAB_MODEL = Condition("lab-model-chosen", "Choose a model first.")
NO_MATRIX_ASKED = Condition("no-matrix-asked", "An importance matrix is being made already.")
NO_MIX_ASKED = Condition("no-mix-asked", "Types for a size are being chosen already.")
SIZED = Condition("size-typed", "Type a size first, such as 4.5 GB.")
BENCHABLE = Condition("bench-worked-out", "Choose a model, and numbers with commas between.")
NOT_TIMING = Condition("no-timing-asked", "Speed is being measured already.")
TIMED = Condition("speed-measured", "Measure its speed first.")

MAKE_MATRIX = Action(
    "lab.make-matrix",
    "Make an importance matrix of the model",
    tip="Which weights matter while the model reads a text; with it small types lose less",
    needs=(LAB_MODEL, NO_MATRIX_ASKED),
    short="Make a matrix",
)
CHOOSE_MIX = Action(
    "lab.choose-mix",
    "Choose types for a size",
    tip="Measures what each part of the model loses, and gives the bytes where they gain most",
    needs=(LAB_MODEL, SIZED, NO_MIX_ASKED),
    short="Choose types",
)
LARGEST = Action(
    "lab.largest-that-fits",
    "Take the largest size that fits here",
    tip="What is free on the graphics card, or in memory, less the cache at the usual context",
    needs=(LAB_MODEL, NO_MIX_ASKED),
    short="Largest that fits",
)
BENCH = Action(
    "lab.bench",
    "Measure how fast the model is",
    tip="Every combination, in turns, as llama-bench does",
    needs=(LAB_MODEL, BENCHABLE, NOT_TIMING),
    short="Measure speed",
)
TUNE = Action(
    "lab.tune",
    "Find the fastest settings of the model",
    tip="Tries threads, flash attention, cache types and devices; the winner is remembered for the model",
    needs=(LAB_MODEL, NOT_TIMING),
    short="Find the fastest settings",
)
EXPORT_BENCH = Action(
    "lab.export-bench",
    "Save the speeds that were measured…",
    tip="JSON and CSV as llama-bench has them, text to paste, or a picture",
    needs=(TIMED,),
    short="Save…",
)
COPY_BENCH = Action("lab.copy-bench", "Copy the speeds that were measured as a table", needs=(TIMED,), short="Copy")
OPEN_BENCH = Action(
    "lab.open-bench",
    "Show other people's speeds beside…",
    tip="A file that llama-bench or Heft wrote",
    icon="folder",
    short="Open results…",
)

FURTHER_ACTIONS: Declared = (MAKE_MATRIX, CHOOSE_MIX, LARGEST, BENCH, TUNE, EXPORT_BENCH, COPY_BENCH, OPEN_BENCH)
