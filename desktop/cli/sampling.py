"""The options of ``run`` and ``chat`` that say how tokens are chosen, made from the fields' declarations."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.core.errors import UsageError
from desktop.core.escapes import unescaped
from desktop.core.sampling_fields import SAMPLING_FIELDS, SamplingField, SamplingValues

_METAVARS = {"decimal": "X", "grammar": "GBNF", "json": "JSON", "biases": "TEXT=BIAS", "strings": "TEXT"}
_LISTS = ("biases", "strings")
_TEXTS = ("grammar", "json")


def add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for each field; what is not given is the model's own, or Heft's."""
    for field in SAMPLING_FIELDS:
        parser.add_argument(
            field.option, dest=field.name, type=_value_of(field), default=None, metavar=_METAVARS.get(field.kind, "N"),
            action="append" if field.kind in _LISTS else "store", help=_help(field),
        )  # fmt: skip
        if field.kind in _TEXTS:
            parser.add_argument(
                f"{field.option}-file", dest=_file_of(field), metavar="FILE", help="the same, read from a file",
            )  # fmt: skip


def chosen_sampling(args: argparse.Namespace) -> SamplingValues:
    """What the options set. Raises UsageError for a file that cannot be read, and for two forms of one answer."""
    found: SamplingValues = {}
    for field in SAMPLING_FIELDS:
        given = getattr(args, field.name)
        if field.kind in _TEXTS and (file := getattr(args, _file_of(field))) is not None:
            if given is not None:
                raise UsageError(f"{field.option} and {field.option}-file say the same.", "Give one of them.")
            given = _read(field, Path(file))
        if given is None:
            continue
        try:
            found[field.name] = field.checked(given)
        except ValueError:
            raise _refused(field, str(given)) from None
    if found.get("grammar") and found.get("json_schema"):
        raise UsageError("An answer keeps to a grammar or to a JSON schema, not to both.", "Give one of them.")
    return found


def _help(field: SamplingField) -> str:
    more = "; may be given several times" if field.kind in _LISTS else ""
    return f"{field.explanation.removesuffix('.')}{more}".replace("%", "%%")


def _file_of(field: SamplingField) -> str:
    return f"{field.name}_file"


def _value_of(field: SamplingField) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return _one_of(field, text)
        except ValueError:
            error = _refused(field, text)
            raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from None

    return parse


def _one_of(field: SamplingField, text: str) -> Any:
    """What one option says; ValueError for what it cannot mean."""
    match field.kind:
        case "decimal":
            return field.checked(float(text))
        case "whole" | "choice" | "seed":
            return field.checked(int(text))
        case "biases":
            word, equals, bias = text.rpartition("=")
            if not equals:
                raise ValueError(text)
            return field.checked([(unescaped(word), float(bias))])[0]
        case "strings":
            return field.checked([unescaped(text)])[0]
        case _:
            return field.checked(text)


def _read(field: SamplingField, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"{file} cannot be read: {reason}", f"{field.option}-file takes {field.accepts}.") from None


def _refused(field: SamplingField, text: str) -> UsageError:
    if field.kind in _TEXTS:
        return UsageError(f"{field.option}: {field.problem(text)}", f"It takes {field.accepts}.")
    accepts = (
        f"TEXT=BIAS, with a bias from {field.low:g} to {field.high:g}" if field.kind == "biases" else field.accepts
    )
    return UsageError(f"'{text}' is no value for {field.option}.", f"It takes {accepts}.")
