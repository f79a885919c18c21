"""A conversation that outgrows its context: which of its oldest turns go, by the engine's own counts (tokens)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop.core.context_length import answer_room
from desktop.store.chats import Message, ModelView

Count = Callable[[ModelView], int]


def turn_starts(branch: Sequence[Message]) -> list[int]:
    """Places of the questions, each the beginning of a turn."""
    return [place for place, message in enumerate(branch) if message.role == "user"]


def droppable(branch: Sequence[Message], view: ModelView) -> bool:
    """Whether there is a turn before the last question that the model still sees."""
    unseen = view.unseen(branch)
    return any(unseen < place for place in turn_starts(branch))


def begun_at(view: ModelView, branch: Sequence[Message], place: int) -> ModelView:
    """The view that begins with the message at a place."""
    return replace(view, hidden_to=branch[place - 1].id if place else None)


def first_that_fits(count: Count, views: Sequence[ModelView], most: int) -> ModelView:
    """The first of views, each of fewer turns than the one before, that is no longer than ``most`` tokens; else the
    last.
    """
    low, high = 0, len(views) - 1
    while low < high:
        middle = (low + high) // 2
        if count(views[middle]) <= most:
            high = middle
        else:
            low = middle + 1
    return views[low]


def rolled(view: ModelView, branch: Sequence[Message], count: Count, context: int) -> ModelView:
    """The view with which a question and its answer have room. The last question always stays.

    When turns have to go, a little more goes than must: what is kept is read anew then, and that should not happen with
    each question. They come back where there is far more room than they left (a longer context, a shorter branch).
    """
    unseen, room = view.unseen(branch), answer_room(context)
    summed_up = replace(view, hidden_to=None).unseen(branch)
    places = [place for place in turn_starts(branch) if place >= summed_up]
    later = [place for place in places if place > unseen]
    tokens = count(view)
    if later and tokens + room > context:
        return first_that_fits(count, [begun_at(view, branch, place) for place in later], context - 2 * room)
    earlier = [place for place in places if place < unseen]
    if earlier and 2 * tokens <= context - 2 * room:
        views = [*(begun_at(view, branch, place) for place in earlier), view]
        return first_that_fits(count, views, context - 2 * room)
    return view
