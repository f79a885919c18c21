"""What can be done on the page Lab."""

from __future__ import annotations

from desktop.core.words import tr
from desktop.ui.lab.further_actions import FURTHER_ACTIONS
from desktop.ui.lab.further_actions import LAB_MODEL as LAB_MODEL
from desktop.ui.shell.action import Action, Condition, Declared

WORKED_OUT = Condition("variant-worked-out", tr("Choose a model and a type first."))
KNOWN = Condition("variant-known", tr("Choose a model and a type first."))
NOT_MAKING = Condition("no-quantization-asked", tr("A variant is being made already."))
MADE = Condition("variant-made", tr("Make a variant first."))
MEASURABLE = Condition("measurement-worked-out", tr("Choose a model, and a reference that is another file of it."))
NOT_MEASURING = Condition("no-measurement-asked", tr("A model is being measured already."))

QUANTIZE = Action(
    "lab.quantize",
    tr("Make the chosen variant of the model"),
    tip=tr("A new file; what it is made from stays"),
    needs=(WORKED_OUT, NOT_MAKING),
    short=tr("Make it"),
)
IMATRIX = Action(
    "lab.importance-matrix",
    tr("Choose an importance matrix for the variant…"),
    tip=tr("A file that llama-imatrix made of this model; with it small types lose less"),
    icon="folder",
    needs=(LAB_MODEL,),
    short=tr("Importance matrix…"),
)
SAVE_AS = Action(
    "lab.save-as",
    tr("Choose where the variant goes…"),
    tip=tr("Another name or folder for the file that is made"),
    icon="folder",
    needs=(KNOWN, NOT_MAKING),
    short=tr("Save as…"),
)
CHAT_MADE = Action("lab.chat-made", tr("Chat with the variant that was made"), needs=(MADE,), short=tr("Chat"))
SHOW_MADE = Action(
    "lab.show-made", tr("Show the variant that was made in Library"), needs=(MADE,), short=tr("Show in Library")
)
MEASURE_MADE = Action(
    "lab.measure-made",
    tr("Measure what the variant that was made loses"),
    tip=tr("Chooses it on the tab Measure, with what it was made from as its reference"),
    needs=(MADE,),
    short=tr("Measure it"),
)
MEASURE = Action(
    "lab.measure",
    tr("Measure what the model loses"),
    tip=tr("Computes the text with the model, and with the reference where that is not known yet"),
    needs=(LAB_MODEL, MEASURABLE, NOT_MEASURING),
    short=tr("Measure"),
)
OWN_TEXT = Action(
    "lab.own-text",
    tr("Measure on a text of your own…"),
    tip=tr("A text file in UTF-8, the longer the surer"),
    icon="folder",
    short=tr("Own text…"),
)
OWN_CHAT = Action(
    "lab.own-chat",
    tr("Measure on one of your chats…"),
    tip=tr("What was said in it: the text that is most like what you ask"),
    icon="chat",
    short=tr("A chat of mine…"),
)

COMPARABLE = Condition("comparison-worked-out", tr("Choose two models, and write a prompt."))
NOT_COMPARING = Condition("no-comparison-asked", tr("Two models are being compared already."))
VOTABLE = Condition("answers-hidden", tr("Compare with the sides hidden first."))
COMPARE = Action(
    "lab.compare",
    tr("Compare two models on the prompts"),
    tip=tr("Both answer the same prompts, always the likeliest token, so that what differs is the models' doing"),
    needs=(LAB_MODEL, COMPARABLE, NOT_COMPARING),
    short=tr("Compare"),
)
VOTE_LEFT = Action("lab.vote-left", tr("Vote for the left answer"), needs=(VOTABLE,), short=tr("Left is better"))
VOTE_NEITHER = Action(
    "lab.vote-neither", tr("Vote that neither answer is better"), needs=(VOTABLE,), short=tr("No difference")
)
VOTE_RIGHT = Action("lab.vote-right", tr("Vote for the right answer"), needs=(VOTABLE,), short=tr("Right is better"))

LAB_ACTIONS: Declared = (
    QUANTIZE, IMATRIX, SAVE_AS, CHAT_MADE, SHOW_MADE, MEASURE_MADE, MEASURE, OWN_TEXT,
    OWN_CHAT, COMPARE, VOTE_LEFT, VOTE_NEITHER, VOTE_RIGHT, *FURTHER_ACTIONS,
)  # fmt: skip
