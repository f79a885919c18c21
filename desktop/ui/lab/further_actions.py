"""What can be done in the Lab with importance matrices, sizes and speed tests."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Condition, Declared

LAB_MODEL = Condition("lab-model-chosen", tr("Choose a model first."))
NO_MATRIX_ASKED = Condition("no-matrix-asked", tr("An importance matrix is being made already."))
NO_MIX_ASKED = Condition("no-mix-asked", tr("Types for a size are being chosen already."))
SIZED = Condition("size-typed", tr("Type a size first, such as 4.5 GB."))
BENCHABLE = Condition("bench-worked-out", tr("Choose a model, and numbers with commas between."))
NOT_TIMING = Condition("no-timing-asked", tr("Speed is being measured already."))
TIMED = Condition("speed-measured", tr("Measure its speed first."))

MAKE_MATRIX = Action(
    "lab.make-matrix",
    tr("Make an importance matrix of the model"),
    tip=tr("Which weights matter while the model reads a text; with it small types lose less"),
    needs=(LAB_MODEL, NO_MATRIX_ASKED),
    short=tr("Make a matrix"),
)
CHOOSE_MIX = Action(
    "lab.choose-mix",
    tr("Choose types for a size"),
    tip=tr("Measures what each part of the model loses, and gives the bytes where they gain most"),
    needs=(LAB_MODEL, SIZED, NO_MIX_ASKED),
    short=tr("Choose types"),
)
LARGEST = Action(
    "lab.largest-that-fits",
    tr("Take the largest size that fits here"),
    tip=tr("What is free on the graphics card, or in memory, less the cache at the usual context"),
    needs=(LAB_MODEL, NO_MIX_ASKED),
    short=tr("Largest that fits"),
)
BENCH = Action(
    "lab.bench",
    tr("Measure how fast the model is"),
    tip=tr("Every combination, in turns, as llama-bench does"),
    needs=(LAB_MODEL, BENCHABLE, NOT_TIMING),
    short=tr("Measure speed"),
)
TUNE = Action(
    "lab.tune",
    tr("Find the fastest settings of the model"),
    tip=tr("Tries threads, flash attention, cache types and devices; the winner is remembered for the model"),
    needs=(LAB_MODEL, NOT_TIMING),
    short=tr("Find the fastest settings"),
)
EXPORT_BENCH = Action(
    "lab.export-bench",
    tr("Save the speeds that were measured…"),
    tip=tr("JSON and CSV as llama-bench has them, text to paste, or a picture"),
    needs=(TIMED,),
    short=tr("Save…"),
)
COPY_BENCH = Action(
    "lab.copy-bench", tr("Copy the speeds that were measured as a table"), needs=(TIMED,), short=tr("Copy")
)
OPEN_BENCH = Action(
    "lab.open-bench",
    tr("Show other people's speeds beside…"),
    tip=tr("A file that llama-bench or Heft wrote"),
    icon="folder",
    short=tr("Open results…"),
)

FURTHER_ACTIONS: Declared = (MAKE_MATRIX, CHOOSE_MIX, LARGEST, BENCH, TUNE, EXPORT_BENCH, COPY_BENCH, OPEN_BENCH)
