"""A repo's weighed variants put together: each model with what to take of it, and the model to take of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desktop.core.choice import Recommendation, recommend
from desktop.core.choice_model import ModelOption, choose_model
from desktop.core.context_length import engine_context
from desktop.core.errors import HeftError
from desktop.core.load_settings import LoadSettings
from desktop.core.memory import ModelShape, context_of
from desktop.core.model_groups import NameWords
from desktop.core.pools import devices_for
from desktop.hub.records import RepoFiles
from desktop.services.discover.picker_records import Controls, ModelGroup, VariantRow, View
from desktop.services.discover.repo_known import Known, Model, Snapshot
from desktop.services.discover.target_machine import TargetMachine, alternatives


def view_of(
    repo: RepoFiles,
    words: NameWords,
    rows: Sequence[VariantRow],
    now: Snapshot,
    controls: Controls,
    where: TargetMachine,
) -> View:
    """The view of a repo whose variants were weighed as ``rows``; ``words`` are those of the repo's name."""
    groups = tuple(_group(rows, model, now, controls, where) for model in now.models)
    options = [
        ModelOption(
            None if group.recommended is None else rows[group.recommended].option,
            model.parameters or model.rough_parameters,
            model.words,
            model.use,
        )
        for group, model in zip(groups, now.models, strict=True)
    ]
    choice = choose_model(options, controls.goal, words) if options else None
    return View(
        repo=repo,
        rows=tuple(rows),
        groups=groups,
        choice=choice,
        recommendation=groups[choice.index].recommendation if choice else recommend((), controls.goal),
        controls=controls,
        machine=where.machine,
        pools=where.pools,
        problem=now.problem,
    )


def within(settings: LoadSettings, shape: ModelShape | None, now: Snapshot) -> LoadSettings:
    """How a variant is weighed: at the context asked for, but one whose model was trained for less than another of the
    repo at most at that."""
    trained = shape.trained_context if shape else 0
    if not trained or (settings.context or 0) <= trained or trained >= now.longest_trained:
        return settings
    return replace(settings, context=trained)


def trained_context(known: Known) -> int:
    """Tokens that a variant's model was trained for, 0 where that is not known."""
    return known.shape.trained_context if known.shape else 0


def placing(controls: Controls, known: Known) -> LoadSettings:
    """What of the controls decides where a variant goes: not the threads, and it is weighed without speculation."""
    return replace(controls.asked(trained_context(known)), threads=None, speculation=None, draft=None)


def weighable(controls: Controls, where: TargetMachine) -> Controls:
    """The controls without devices that are not there: a card that was taken out, a computer that lends none now."""
    try:
        devices_for(where.machine, controls.load.devices)
    except HeftError:
        return replace(controls, load=replace(controls.load, devices=None))
    return controls


def _group(
    rows: Sequence[VariantRow], model: Model, now: Snapshot, controls: Controls, where: TargetMachine
) -> ModelGroup:
    """A model with what to take of it; losses are compared within it only."""
    known = [now.known[index] for index in model.variants]
    shape = next((entry.shape for entry in known if entry.shape is not None), None)
    options = [rows[index].option for index in model.variants]
    answer = recommend(options, controls.goal)
    if answer.index is None:
        pairs = zip(known, options, strict=True)
        weighed = [(entry.shape, entry.weights) for entry, option in pairs if option.fit is not None]
        answer = recommend(
            options, controls.goal, alternatives(weighed, controls.asked(shape.trained_context if shape else 0), where)
        )
    asked = within(controls.asked(shape.trained_context if shape else 0), shape, now)
    return ModelGroup(
        name=model.name,
        rows=model.variants,
        recommendation=_numbered(answer, model.variants),
        shape=shape,
        context=context_of(asked, shape) if shape else engine_context(asked.context or 0),
        max_context=max((entry.shape.trained_context for entry in known if entry.shape), default=0),
        parameters=model.parameters,
        kind=model.kind,
    )


def _numbered(answer: Recommendation, rows: Sequence[int]) -> Recommendation:
    """A recommendation among a model's variants, by their numbers among all."""
    return replace(
        answer,
        index=None if answer.index is None else rows[answer.index],
        neighbours=tuple(replace(one, index=rows[one.index]) for one in answer.neighbours),
    )
