"""What can be done about the machine of "what if", the same on each page that shows figures for it."""

from __future__ import annotations

from desktop.ui.shell.action import Action, Condition

ANOTHER_CHOSEN = Condition("another-machine-chosen", "The figures are this computer's already.")

LOAD_PROFILE = Action(
    "what-if.load-profile",
    "What if: weigh for a saved machine…",
    tip="See everything as on a saved machine",
    short="What if: load profile…",
)
OWN_SIZES = Action(
    "what-if.own-sizes",
    "What if: weigh for other memory sizes…",
    tip="Weigh models for this processor with other main memory and graphics memory",
    short="What if: memory…",
)
THIS_COMPUTER = Action(
    "what-if.this-computer",
    "Back to this computer",
    tip="Show this computer's figures again, on all pages",
    needs=(ANOTHER_CHOSEN,),
)
