"""What can be done about the machine of "what if", the same on each page that shows figures for it."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.shell.action import Action, Condition

ANOTHER_CHOSEN = Condition("another-machine-chosen", tr("The figures are this computer's already."))

LOAD_PROFILE = Action(
    "what-if.load-profile",
    tr("What if: weigh for a saved machine…"),
    tip=tr("See everything as on a saved machine"),
    short=tr("What if: load profile…"),
)
OWN_SIZES = Action(
    "what-if.own-sizes",
    tr("What if: weigh for other memory sizes…"),
    tip=tr("Weigh models for this processor with other main memory and graphics memory"),
    short=tr("What if: memory…"),
)
THIS_COMPUTER = Action(
    "what-if.this-computer",
    tr("Back to this computer"),
    tip=tr("Show this computer's figures again, on all pages"),
    needs=(ANOTHER_CHOSEN,),
)
