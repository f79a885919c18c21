"""What can be done on the page Machine."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shared.what_if_actions import LOAD_PROFILE, OWN_SIZES, THIS_COMPUTER
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

KNOWN = Condition("machine-known", tr("Heft is still asking this computer what it is."))
NOT_ASKING = Condition("no-question-running", tr("This computer is being measured already."))
NOT_CALIBRATING = Condition("no-calibration-running", tr("This computer is being calibrated already."))
OWN_SHOWN = Condition("this-computer-shown", tr("Go back to this computer first."))

MEASURE = Action(
    "machine.measure",
    tr("Measure this computer again"),
    tip=tr("Ask the computer again and measure its memory"),
    icon="refresh",
    needs=(OWN_SHOWN, NOT_ASKING),
    short=tr("Measure again"),
)
COPY_REPORT = Action(
    "machine.copy-report",
    tr("Copy a report of this machine"),
    tip=tr("Copy all of this as text, without names or paths"),
    icon="copy",
    needs=(KNOWN,),
    short=tr("Copy report"),
)
SAVE_PROFILE = Action(
    "machine.save-profile",
    tr("Save this machine as a profile…"),
    tip=tr('Save this machine as a file for "what if" questions'),
    needs=(KNOWN,),
    short=tr("Save profile…"),
)
CALIBRATE = Action(
    "machine.calibrate",
    tr("Calibrate: measure how quick this computer computes…"),
    tip=tr("Measure how quick this computer computes each type"),
    needs=(OWN_SHOWN, KNOWN, NOT_CALIBRATING),
    short=tr("Calibrate…"),
)

LEDGER_KEYS = WidgetKeys(tr("Older and newer runs of the chart"), tr("ledger charts"), (("Left", 1), ("Right", -1)))

MACHINE_ACTIONS: Declared = (
    MEASURE,
    COPY_REPORT,
    SAVE_PROFILE,
    LOAD_PROFILE,
    OWN_SIZES,
    THIS_COMPUTER,
    CALIBRATE,
    LEDGER_KEYS,
)
