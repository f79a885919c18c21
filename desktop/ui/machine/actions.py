"""What can be done on the page Machine."""

from __future__ import annotations

from desktop.ui.shared.what_if_actions import LOAD_PROFILE, OWN_SIZES, THIS_COMPUTER
from desktop.ui.shell.action import Action, Condition, Declared, WidgetKeys

KNOWN = Condition("machine-known", "Heft is still asking this computer what it is.")
NOT_ASKING = Condition("no-question-running", "This computer is being measured already.")
NOT_CALIBRATING = Condition("no-calibration-running", "This computer is being calibrated already.")
OWN_SHOWN = Condition("this-computer-shown", "Go back to this computer first.")

MEASURE = Action(
    "machine.measure",
    "Measure this computer again",
    tip="Ask the computer again and measure its memory",
    icon="refresh",
    needs=(OWN_SHOWN, NOT_ASKING),
    short="Measure again",
)
COPY_REPORT = Action(
    "machine.copy-report",
    "Copy a report of this machine",
    tip="Copy all of this as text, without names or paths",
    icon="copy",
    needs=(KNOWN,),
    short="Copy report",
)
SAVE_PROFILE = Action(
    "machine.save-profile",
    "Save this machine as a profile…",
    tip='Save this machine as a file for "what if" questions',
    needs=(KNOWN,),
    short="Save profile…",
)
CALIBRATE = Action(
    "machine.calibrate",
    "Calibrate: measure how quick this computer computes…",
    tip="Measure how quick this computer computes each type",
    needs=(OWN_SHOWN, KNOWN, NOT_CALIBRATING),
    short="Calibrate…",
)

LEDGER_KEYS = WidgetKeys("Older and newer runs of the chart", "ledger charts", (("Left", 1), ("Right", -1)))

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
