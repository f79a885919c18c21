"""A long text of many subjects, with a few passages in it that a question in other words asks for."""

from __future__ import annotations

from dataclasses import dataclass

_SUBJECTS = {
    "Heating": ("the boiler", "the radiators", "frost", "the thermostat", "warm water"),
    "Noise": ("music", "the drilling machine", "parties", "the piano", "quiet hours"),
    "Waste": ("the bins", "glass", "old paper", "garden cuttings", "bulky things"),
    "Parking": ("the garage", "bicycles", "visitors' cars", "the driveway", "charging cables"),
    "Pets": ("dogs", "cats", "aquariums", "small animals", "the leash"),
    "Laundry": ("the washing room", "the dryer", "the drying loft", "detergents", "the coin machine"),
    "Stairs": ("the banister", "prams", "shoes on the landing", "the light switch", "the weekly sweeping"),
    "Cellar": ("the storage boxes", "damp walls", "the fuse box", "the lift motor", "wine racks"),
    "Windows": ("the shutters", "condensation", "flower boxes", "draughts", "the blinds"),
    "Kitchen": ("the cooker", "the extractor hood", "grease in the drain", "the fridge", "worktops"),
    "Insurance": ("household goods", "broken glass", "liability", "water damage", "theft"),
    "Visitors": ("guests", "subletting", "the spare room", "short stays", "name plates"),
}
_SENTENCES = (
    "What is said here of {0} holds for everybody in the building, also for those who came later.",
    "Please tell the caretaker when {1} gives trouble; he comes on working days before noon.",
    "There is an agreement of the year 1998 about {2}, which was renewed without changes.",
    "Nobody has to put up with {3} for longer than a day without word of when that ends.",
    "A list beside the entrance says who looks after {4} this month and who does so in the next.",
    "In winter other times apply to {0} and {2}, as the notice in the hall explains.",
    "Costs of {1} are shared by floor area, those of {3} by the number of people.",
    "Children may help with {4} when somebody grown up is there.",
)


@dataclass(frozen=True)
class Hidden:
    """A passage, the page that it stands on (from 1), and what is asked in other words."""

    page: int
    passage: str
    question: str


HIDDEN = (
    Hidden(
        19,
        "Money lodged at the beginning is paid back six weeks after moving out.",
        "When will my security deposit be returned?",
    ),
    Hidden(
        29,
        "Smoke alarms hang in each bedroom; leave by the rear staircase and ring 112 outside.",
        "What should I do if there is a fire?",
    ),
    Hidden(
        37,
        "A doctor has her practice on the ground floor and sees neighbours on Tuesdays.",
        "Where can an ill person get medical help?",
    ),
)
_LINE = 4  # of a page, from 1: where a hidden passage stands


def pages(count: int = 40) -> list[str]:
    """The pages, a subject each in turn, with the hidden passages as one line of theirs."""
    found = []
    for number in range(1, count + 1):
        name, things = list(_SUBJECTS.items())[number % len(_SUBJECTS)]
        turned = [things[(number + place) % len(things)] for place in range(len(things))]
        said = [_SENTENCES[(number + place) % len(_SENTENCES)] for place in range(5)]
        lines = [f"{number}. {name}", *(sentence.format(*turned) for sentence in said)]
        lines[_LINE - 1 : _LINE - 1] = [one.passage for one in HIDDEN if one.page == number]
        found.append("\n".join(lines))
    return found
