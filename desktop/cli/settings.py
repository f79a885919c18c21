"""``heft settings``: how a model is loaded, as Heft remembers it, and what follows from that on this computer."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from desktop.cli.fit import memory_document, speeds_document
from desktop.cli.model import devices_document, ref_of, template_file
from desktop.cli.output import human_bytes, print_json, print_text, table
from desktop.core.answer_settings import (
    ANSWER_FIELDS,
    SWITCH_WORDS,
    AnswerField,
    AnswerSettings,
    answer_field,
    answers_document,
    parse_answer,
)
from desktop.core.errors import UsageError
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import LOAD_FIELDS, UNSET_WORDS, LoadSettings, as_document, parse_setting
from desktop.core.sampling_defaults import SamplingDefaults
from desktop.core.sampling_fields import FIELDS
from desktop.services.chat.sampling import sampling_document
from desktop.services.container import Container
from desktop.services.models.answer_settings import Asking
from desktop.services.planning.words import speed_details, warnings
from desktop.store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, and what to set."""
    keys = ", ".join(["kv", *(field.key for field in LOAD_FIELDS), *(field.name for field in ANSWER_FIELDS)])
    parser.add_argument("model", metavar="MODEL", help="a path, a name from 'heft library', or 'starter'")
    parser.add_argument(
        "changes", nargs="*", default=[], metavar="KEY=VALUE", help=f"what to remember; KEY= forgets. Keys: {keys}"
    )
    parser.add_argument("--reset", action="store_true", help="forget all that was set for this model")


def run(args: argparse.Namespace) -> int:
    """Set, then show. Raises UsageError for an unknown key or value: nothing is changed then."""
    changes, asked = _changes(args.changes)
    with Container(default_paths()) as container:
        ref = ref_of(container, args.model)
        settings = LoadSettings() if args.reset else container.planning.settings_of(ref)
        answers = AnswerSettings() if args.reset else container.answers.of(ref)
        if asked or args.reset:
            container.answers.checked(ref, replace(answers, **asked), answers)
        if changes or args.reset:
            container.planning.remember(ref, replace(settings, **changes))
        if asked or args.reset:
            container.answers.remember(ref, replace(answers, **asked))
        plan = container.planning.for_load(ref)
        sampling = container.sampling.defaults(ref.path)
        asking = container.answers.asking(ref)
    if args.json:
        print_json(document(plan, asking) | {"sampling": sampling_document(sampling, {})})
    else:
        print_text(report(plan, asking, sampling))
    return 0


def _changes(words: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of LoadSettings and of AnswerSettings that are to be changed."""
    loads: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' sets nothing.", f"Write KEY=VALUE, such as {key}=8192.")
        field = answer_field(key.strip())
        if field is not None:
            answers |= parse_answer(field, _given(field, value))
        else:
            loads |= parse_setting(key.strip(), value)
    return loads, answers


def _given(field: AnswerField, value: str) -> str:
    """What was typed, or what is in the file that was named."""
    if not field.from_file or value.strip().lower() in UNSET_WORDS:
        return value
    if not value.startswith("@"):
        raise UsageError(f"'{value}' is no value for {field.name}.", f"It takes {field.accepts}.")
    return template_file(value[1:])


def document(plan: LoadPlan, asking: Asking) -> dict[str, Any]:
    """What is set (null: for Heft or the model to decide), and the plan that follows."""
    fit = plan.fit
    return {
        "model": plan.ref.name,
        "identity": plan.ref.identity,
        "settings": as_document(plan.asked) | answers_document(asking.settings),
        "choices": {
            "thinking": list(SWITCH_WORDS) if asking.thinking else [],
            "effort": list(asking.efforts),
        },
        "plan": {
            **as_document(plan.settings),
            "placement": fit.placement if fit else None,
            "method": fit.method if fit else None,
            "memory": memory_document(fit.memory) if fit else None,
            "devices": devices_document(plan),
            "max_context": fit.max_context if fit else None,
            "trained_context": plan.trained_context,
            **speeds_document(plan.speeds),
            "context_used": plan.context,
            "note": plan.note,
        },
        "warnings": list(warnings(plan)),
    }


def report(plan: LoadPlan, asking: Asking, sampling: SamplingDefaults) -> str:
    """A line for each setting: what was set, and what it will be; then what the model recommends for its answers."""
    asked, decided = as_document(plan.asked), as_document(plan.settings)
    rows = [[key, "-" if asked[key] is None else str(asked[key]), _decided(decided[key])] for key in decided]
    rows += [list(row) for row in _answer_rows(asking)]
    lines = [plan.ref.name, "", table(["SETTING", "SET", "WILL BE"], rows)]
    if plan.fit is not None:
        lines += ["", f"{human_bytes(plan.fit.memory.total_bytes)} of memory, {plan.fit.placement}"]
    lines += [speed_details(plan.speeds)] if plan.speeds else []
    lines += [plan.note] if plan.note else []
    lines += warnings(plan)
    if recommended := [*sampling.repository, *sampling.model]:
        found = {name: sampling.of(name) for name in FIELDS if name in recommended}
        rows = [[name, str(sourced.value), sourced.source] for name, sourced in found.items()]
        lines += ["", table(["SAMPLING", "VALUE", "FROM"], rows)]
    return "\n".join(lines)


def _decided(value: Any) -> str:
    return "-" if value is None else str(value)


def _answer_rows(asking: Asking) -> Iterator[tuple[str, str, str]]:
    """The settings of answers, and what comes of them: what the template in use does not know is left to it."""
    lines = (asking.settings.template or "").count("\n") + 1
    own = f"of your own, {lines:,} line{'s' * (lines != 1)}"
    yield ("template", own, own) if asking.settings.template is not None else ("template", "-", "the model's")
    said = {value: word for word, value in SWITCH_WORDS.items()}
    thinking, effort = asking.settings.thinking, asking.settings.effort
    switched = said[thinking] if thinking is not None else "-"
    by_model = "the model decides"
    yield "thinking", switched, _result(switched, by_model) if asking.thinking else "no switch"
    level = effort or "-"
    known = level if effort in asking.efforts else "-"
    yield (
        "effort",
        level,
        _result(known, f"{by_model} ({', '.join(asking.efforts)})") if asking.efforts else "no levels",
    )


def _result(said: str, otherwise: str) -> str:
    return otherwise if said == "-" else said
