"""Arguments and steps that ``run``, ``chat`` and ``bench`` share: find the model, load it, say how it goes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop.cli.output import NAME_WIDTH, ProgressLine, print_note
from desktop.core.answer_settings import ANSWER_FIELDS, AnswerField, AnswerSettings, parse_answer
from desktop.core.endpoint_model import PREFIX
from desktop.core.errors import StoreError, UsageError
from desktop.core.hub_address import hub_address
from desktop.core.load_plan import LoadPlan
from desktop.core.load_settings import (
    KV_TYPES,
    LOAD_FIELDS,
    UNSET_WORDS,
    LoadField,
    LoadSettings,
    as_document,
    parse_setting,
)
from desktop.core.model_ref import ModelRef
from desktop.core.naming import elided_name
from desktop.core.sampling_defaults import OF_SERVER, SamplingDefaults
from desktop.core.text import one_line
from desktop.core.token_counts import read_tokens
from desktop.engine.api import Loaded
from desktop.engine.device_records import DeviceHeld
from desktop.services.chat.headless_chat import HeadlessChat
from desktop.services.container import Container
from desktop.services.models.kind_words import CONTINUES
from desktop.services.planning.ledger import LedgerService, Running
from desktop.services.planning.offload import shortfall
from desktop.services.planning.offload_words import shortfall_words
from desktop.services.planning.words import warnings

_MODEL_WORDS = "a path, a name from 'heft library', 'starter', or endpoint:NAME/MODEL of another server"


def add_load_arguments(parser: argparse.ArgumentParser) -> None:
    """How a model is loaded: an option for each of the fields that can be set."""
    for field in LOAD_FIELDS:
        choices = f" ({field.accepts})" if field.choices else ""
        parser.add_argument(
            field.option, dest=field.name, type=_value_of(field), default=None, metavar=_metavar(field),
            help=field.explanation + choices,
        )  # fmt: skip
    parser.add_argument("--kv", choices=KV_TYPES, default=None, help="keys and values of the KV cache alike")


def _metavar(field: LoadField) -> str:
    if field.metavar:
        return field.metavar
    return "TYPE" if field.choices and len(field.choices) > 3 else "|".join(field.choices) or "N"


def _value_of(field: LoadField) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return parse_setting(field.key, text)[field.name]
        except UsageError as error:
            raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None

    return parse


def load_settings(args: argparse.Namespace) -> LoadSettings:
    """What the options say; the rest is unset. Raises UsageError."""
    found = LoadSettings(**{field.name: getattr(args, field.name) for field in LOAD_FIELDS})
    both = LoadSettings(cache_type_k=args.kv, cache_type_v=args.kv)
    return found.over(both).checked()


def token_number(text: str) -> int:
    """A number of tokens for argparse: 32768, 32,768, 32k or 1M."""
    try:
        return read_tokens(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None


def repo_name(text: str) -> str:
    """OWNER/NAME of a repo for argparse, also of a link to it."""
    address = hub_address(text)
    return address.repo if address is not None else text


def add_context_argument(parser: argparse.ArgumentParser) -> None:
    """``--context``; 0, the default, lets Heft decide."""
    words = "context length in tokens, such as 32768 or 32k"
    parser.add_argument("--context", type=token_number, default=0, metavar="N", help=words)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL and how to load it."""
    parser.add_argument("model", metavar="MODEL", help=_MODEL_WORDS)
    add_load_arguments(parser)


def add_answer_arguments(parser: argparse.ArgumentParser) -> None:
    """How a model is asked: an option for each of the fields that can be set."""
    for field in ANSWER_FIELDS:
        parser.add_argument(
            f"--{field.name}", type=_answer_of(field), default=None, metavar=field.metavar,
            help=f"{field.explanation} Not given: as 'heft settings' says.",
        )  # fmt: skip


def _answer_of(field: AnswerField) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            given = template_file(text) if field.from_file and text not in UNSET_WORDS else text
            return parse_answer(field, given)
        except UsageError as error:
            raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None

    return parse


def answer_settings(container: Container, args: argparse.Namespace) -> AnswerSettings:
    """How the model of ``args`` is asked: what is remembered, but for what the options say. Raises UsageError."""
    ref = ref_of(container, args.model)
    given: dict[str, Any] = {}
    for field in ANSWER_FIELDS:
        given |= getattr(args, field.name) or {}
    if ref.elsewhere is not None and given.get("template") is not None:
        raise UsageError("The chat template of another server's model is set there.", "Leave out --template.")
    before = container.answers.of(ref)
    asked = container.answers.checked(ref, replace(before, **given), before)
    return container.answers.known(ref, asked)


def template_file(name: str) -> str:
    """The text of a file that holds a chat template. UsageError where it cannot be read."""
    try:
        found = Path(name).expanduser().read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{one_line(name)} is no text.", "Name a file that holds a chat template.") from None
    except OSError as error:
        raise UsageError(
            f"{one_line(name)} cannot be read: {error.strerror or error}.", "Name a file that holds a chat template."
        ) from error
    if not found.strip():
        raise UsageError(f"{one_line(name)} is empty.", "Name a file that holds a chat template.")
    return found


def ref_of(container: Container, name: str) -> ModelRef:
    """The model that ``name`` means, of this computer or of another server. Raises NotFoundError, UsageError."""
    if name.startswith(PREFIX):
        return container.endpoints.ref(name)
    return container.library.resolve(name).ref


@contextmanager
def loaded_model(container: Container, args: argparse.Namespace) -> Iterator[tuple[HeadlessChat, Loaded, LoadPlan]]:
    """The model of ``args`` as it was planned, loaded in an engine that ends with the container."""
    ref = ref_of(container, args.model)
    asked = load_settings(args)
    if ref.elsewhere is not None and not asked.unset:
        raise UsageError("How another server loads its models is set there.", "Leave out how to load it.")
    progress = ProgressLine(f"Loading {elided_name(ref.name, NAME_WIDTH)}")
    try:
        plan = container.planning.for_load(ref, asked)
        engine = HeadlessChat(container.engine)
        loaded = engine.load(plan, progress.update)
        progress.close()
        for words in loaded_warnings(loaded, plan):
            print_note(f"note: {words}")
        with suppress(StoreError):  # a home that cannot be written keeps no answer from being given
            if not loaded.endpoint:
                container.library.note_used(plan.path)
        yield engine, loaded, plan
    finally:
        progress.close()


def sampling_defaults(container: Container, plan: LoadPlan) -> SamplingDefaults:
    """How the model is sampled where nothing is set."""
    return OF_SERVER if plan.ref.elsewhere is not None else container.sampling.defaults(plan.path)


def load_notes(loaded: Loaded, answers: AnswerSettings) -> tuple[str, ...]:
    """What to know of a model before it answers."""
    return (CONTINUES,) if loaded.template == "none" and answers.template is None else ()


def loaded_warnings(loaded: Loaded, plan: LoadPlan) -> tuple[str, ...]:
    """What was set beyond what is of use, and what is not on the GPUs as it was planned, a sentence each."""
    missing = shortfall(plan, loaded)
    return (*warnings(plan), *([" ".join(shortfall_words(missing))] if missing is not None else []))


def loaded_document(loaded: Loaded, plan: LoadPlan) -> dict[str, object]:
    """What ``run`` and ``bench`` tell of the load: how it was set up, each device's share by the plan, what each holds
    in fact, warnings."""
    return {
        "settings": as_document(loaded_settings(loaded)),
        "devices": devices_document(plan),
        "loaded_devices": [held_document(device) for device in loaded.devices],
        "projector": str(plan.projector.path) if plan.projector is not None else None,
        "media": list(loaded.media),
        "warnings": list(loaded_warnings(loaded, plan)),
    }


def held_document(device: DeviceHeld) -> dict[str, object]:
    """What a device holds of a loaded model, by the engine's own log; bytes."""
    return {
        "name": device.description or device.name or "main memory",
        "engine_device": device.name,
        "weights_bytes": device.weights_bytes,
        "kv_bytes": device.kv_bytes,
        "recurrent_bytes": device.recurrent_bytes,
        "compute_bytes": device.compute_bytes,
        "output_bytes": device.output_bytes,
        "draft_bytes": device.draft_bytes,
        "projector_bytes": device.projector_bytes,
        "total_bytes": device.total_bytes,
    }


def loaded_settings(loaded: Loaded) -> LoadSettings:
    """The settings a model is loaded with, as the engine says."""
    return LoadSettings(
        loaded.context_length, loaded.cache_type_k, loaded.cache_type_v, loaded.flash_attention, loaded.gpu_layers,
        loaded.cpu_expert_layers, loaded.threads, loaded.speculation, loaded.draft or None,
        ",".join(device.name for device in loaded.devices[1:]) or None, loaded.slots, loaded.tensor_split or None,
        kv_offload="on" if loaded.kv_offload else "off", batch=loaded.batch,
    )  # fmt: skip


def devices_document(plan: LoadPlan) -> list[dict[str, object]]:
    """Each device with what it would hold and what is free there; bytes."""
    if plan.fit is None:
        return []
    pools = {pool.device: pool for pool in plan.fit.pools}
    return [
        {
            "name": pools[device.device].name if device.device in pools else f"GPU {device.device}",
            "used_bytes": device.total_bytes,
            "free_bytes": pools[device.device].free_bytes if device.device in pools else None,
        }
        for device in plan.fit.memory.devices
        if device.total_bytes or device.device in pools
    ]


def prediction(ledger: LedgerService, running: Running | None, context_used: int) -> dict[str, object]:
    """The ``predicted`` object of run and bench, worked out before the run; null where nothing is known, as of another
    server (``running`` None).
    """
    found = ledger.predict(running, context_used) if running is not None else None
    rates = {"tokens_per_second": found.shown.decode, "prompt_tokens_per_second": found.shown.prompt} if found else {}
    memory: dict[str, int] = {f"{name}_bytes": size for name, size in (running.memory if running else {}).items()}
    return {
        "tokens_per_second": None,
        "prompt_tokens_per_second": None,
        **{name: {"low": rate.low, "expected": rate.expected, "high": rate.high} for name, rate in rates.items()},
        "memory": {**memory, "total_bytes": sum(memory.values())} if memory else None,
        "context_used": context_used,
        "method": found.shown.method if found else None,
        "earlier_runs": found.correction.runs if found else 0,
    }
