"""Further ways to read a field, for dialects whose documents are trees: blocks in messages, items in an input."""

from __future__ import annotations

from typing import Any

from desktop.services.serve.door.failures import DoorError, bad_field
from desktop.services.serve.door.fields import Fields

MOST_TOKENS = (1 << 31) - 1


def misplaced(fields: Fields, message: str) -> DoorError:
    """The error that names a whole object."""
    name = fields.name("").rstrip(".")
    return bad_field(name, f"'{name}': {message}", "invalid_value")


def required_choice(fields: Fields, field: str, *values: str) -> str:
    """One of these texts, which has to be there. Raises DoorError."""
    fields.required(field)
    return fields.choice(field, *values) or ""


def required_object(fields: Fields, field: str) -> Fields:
    """An object that has to be there. Raises DoorError."""
    fields.required(field)
    found = fields.object(field)
    assert found is not None
    return found


def objects(fields: Fields, field: str) -> list[Fields]:
    """The objects of a list, none where there is no list. Raises DoorError."""
    return fields.objects(field) or []


def model_name(fields: Fields) -> str:
    """The model that is asked for. Raises DoorError where none is named."""
    name = fields.required_text("model")
    if not name:
        raise fields.wrong("model", "expected the name of a model.", "invalid_value")
    return name


def refuse(fields: Fields, field: str, why: str) -> None:
    """Raise DoorError where this field asks for something; null, false and what is empty ask for nothing."""
    if fields.body.get(field) not in (None, False, "", [], {}):
        raise fields.wrong(field, why, "unsupported_parameter")


def given(**values: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}
