"""What can be done on the page Lab."""

from __future__ import annotations

from desktop.ui.lab.further_actions import FURTHER_ACTIONS
from desktop.ui.lab.further_actions import LAB_MODEL as LAB_MODEL
from desktop.ui.shell.action import Action, Condition, Declared

WORKED_OUT = Condition("variant-worked-out", "Choose a model and a type first.")
KNOWN = Condition("variant-known", "Choose a model and a type first.")
NOT_MAKING = Condition("no-quantization-asked", "A variant is being made already.")
MADE = Condition("variant-made", "Make a variant first.")
MEASURABLE = Condition("measurement-worked-out", "Choose a model, and a reference that is another file of it.")
NOT_MEASURING = Condition("no-measurement-asked", "A model is being measured already.")

QUANTIZE = Action(
    "lab.quantize",
    "Make the chosen variant of the model",
    tip="A new file; what it is made from stays",
    needs=(WORKED_OUT, NOT_MAKING),
    short="Make it",
)
IMATRIX = Action(
    "lab.importance-matrix",
    "Choose an importance matrix for the variant…",
    tip="A file that llama-imatrix made of this model; with it small types lose less",
    icon="folder",
    needs=(LAB_MODEL,),
    short="Importance matrix…",
)
SAVE_AS = Action(
    "lab.save-as",
    "Choose where the variant goes…",
    tip="Another name or folder for the file that is made",
    icon="folder",
    needs=(KNOWN, NOT_MAKING),
    short="Save as…",
)
CHAT_MADE = Action("lab.chat-made", "Chat with the variant that was made", needs=(MADE,), short="Chat")
SHOW_MADE = Action("lab.show-made", "Show the variant that was made in Library", needs=(MADE,), short="Show in Library")
MEASURE_MADE = Action(
    "lab.measure-made",
    "Measure what the variant that was made loses",
    tip="Chooses it on the tab Measure, with what it was made from as its reference",
    needs=(MADE,),
    short="Measure it",
)
MEASURE = Action(
    "lab.measure",
    "Measure what the model loses",
    tip="Computes the text with the model, and with the reference where that is not known yet",
    needs=(LAB_MODEL, MEASURABLE, NOT_MEASURING),
    short="Measure",
)
OWN_TEXT = Action(
    "lab.own-text",
    "Measure on a text of your own…",
    tip="A text file in UTF-8, the longer the surer",
    icon="folder",
    short="Own text…",
)
OWN_CHAT = Action(
    "lab.own-chat",
    "Measure on one of your chats…",
    tip="What was said in it: the text that is most like what you ask",
    icon="chat",
    short="A chat of mine…",
)

COMPARABLE = Condition("comparison-worked-out", "Choose two models, and write a prompt.")
NOT_COMPARING = Condition("no-comparison-asked", "Two models are being compared already.")
VOTABLE = Condition("answers-hidden", "Compare with the sides hidden first.")
COMPARE = Action(
    "lab.compare",
    "Compare two models on the prompts",
    tip="Both answer the same prompts, always the likeliest token, so that what differs is the models' doing",
    needs=(LAB_MODEL, COMPARABLE, NOT_COMPARING),
    short="Compare",
)
VOTE_LEFT = Action("lab.vote-left", "Vote for the left answer", needs=(VOTABLE,), short="Left is better")
VOTE_NEITHER = Action("lab.vote-neither", "Vote that neither answer is better", needs=(VOTABLE,), short="No difference")
VOTE_RIGHT = Action("lab.vote-right", "Vote for the right answer", needs=(VOTABLE,), short="Right is better")

LAB_ACTIONS: Declared = (
    QUANTIZE, IMATRIX, SAVE_AS, CHAT_MADE, SHOW_MADE, MEASURE_MADE, MEASURE, OWN_TEXT,
    OWN_CHAT, COMPARE, VOTE_LEFT, VOTE_NEITHER, VOTE_RIGHT, *FURTHER_ACTIONS,
)  # fmt: skip
