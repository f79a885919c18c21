"""The fields of a request, each of the type that it is to have; null is absent. What is wrong is told by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from desktop.services.serve.door.failures import DoorError, bad_field


class Fields:
    """The object at ``path`` of a request ("" for the body itself). Every method raises DoorError (400)."""

    def __init__(self, body: dict[str, Any], path: str = "") -> None:
        self.body, self._path = body, path

    def name(self, field: str) -> str:
        """How a field is called in an error: ``response_format.type``, ``messages[2].content``."""
        return f"{self._path}.{field}" if self._path else field

    def wrong(self, field: str, message: str, code: str | None = None) -> DoorError:
        """The error that names this field."""
        name = self.name(field)
        return bad_field(name, f"'{name}': {message}", code)

    def has(self, field: str) -> bool:
        """Whether it is there, and not null."""
        return self.body.get(field) is not None

    def required(self, field: str) -> Any:
        """Its value, of whatever type."""
        value = self.body.get(field)
        if value is None:
            name = self.name(field)
            raise bad_field(name, f"Missing required parameter: '{name}'.", "missing_required_parameter")
        return value

    def text(self, field: str) -> str | None:
        """A string."""
        found: str | None = self._typed(field, "a string", lambda value: isinstance(value, str))
        return found

    def required_text(self, field: str) -> str:
        """A string that has to be there."""
        self.required(field)
        return self.text(field) or ""

    def flag(self, field: str, default: bool = False) -> bool:
        """True or false."""
        value = self._typed(field, "a boolean", lambda value: isinstance(value, bool))
        return default if value is None else bool(value)

    def whole(self, field: str, least: int, most: int) -> int | None:
        """A whole number of a range; 3.0 is one."""
        value = self.body.get(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._invalid_type(field, "an integer", value)
        return self._within(field, value, least, most)

    def number(self, field: str, least: float, most: float) -> float | None:
        """A number of a range."""
        value = self.body.get(field)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._invalid_type(field, "a number", value)
        return self._within(field, value, least, most)

    def choice(self, field: str, *values: str) -> str | None:
        """One of these texts."""
        value = self.text(field)
        if value is not None and value not in values:
            known = ", ".join(f"'{each}'" for each in values)
            raise self.wrong(field, f"'{value[:100]}' is none of {known}.", "invalid_value")
        return value

    def nested(self, field: str) -> Fields | None:
        """The object that it is."""
        value = self._typed(field, "an object", lambda value: isinstance(value, dict))
        return None if value is None else Fields(value, self.name(field))

    def objects(self, field: str) -> list[Fields] | None:
        """The objects of a list."""
        found = self.items(field)
        if found is None:
            return None
        for at, each in enumerate(found):
            if not isinstance(each, dict):
                raise self._invalid_type(f"{field}[{at}]", "an object", each)
        return [Fields(each, f"{self.name(field)}[{at}]") for at, each in enumerate(found)]

    def items(self, field: str) -> list[Any] | None:
        """A list of anything."""
        found: list[Any] | None = self._typed(field, "an array", lambda value: isinstance(value, list))
        return found

    def texts(self, field: str, most: int) -> list[str] | None:
        """A string, or a list of at most so many."""
        value = self.body.get(field)
        if value is None:
            return None
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._invalid_type(field, "a string or an array of strings", value)
        if len(found) > most:
            raise self.wrong(field, f"at most {most} are taken, not {len(found)}.", "array_above_max_length")
        return found

    def _typed(self, field: str, what: str, right: Callable[[Any], bool]) -> Any:
        value = self.body.get(field)
        if value is not None and not right(value):
            raise self._invalid_type(field, what, value)
        return value

    @overload
    def _within(self, field: str, value: int, least: int, most: int) -> int: ...
    @overload
    def _within(self, field: str, value: float, least: float, most: float) -> float: ...
    def _within(self, field: str, value: float, least: float, most: float) -> float:
        if value < least:
            raise self.wrong(field, f"{value} is less than {least}, the least.", "integer_below_min_value")
        if value > most:
            raise self.wrong(field, f"{value} is more than {most}, the most.", "integer_above_max_value")
        return value

    def _invalid_type(self, field: str, what: str, value: object) -> DoorError:
        return self.wrong(field, f"is to be {what}, not {_called(value)}.", "invalid_type")


def _called(value: object) -> str:
    for kind, name in ((bool, "a boolean"), (int, "an integer"), (float, "a number"), (str, "a string")):
        if isinstance(value, kind):
            return name
    return "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else "null"
