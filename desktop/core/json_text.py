"""What is wrong with a JSON text that somebody types."""

from __future__ import annotations

import json


def json_problem(text: str) -> str:
    """Why a text is no JSON object, in words; "" for one that is."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    except ValueError as error:
        return f"This is not JSON: {error}."
    except RecursionError:
        return "This is not JSON that can be read: it is nested too deeply."
    return "" if isinstance(found, dict) else "A schema is a JSON object, in { and }."


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")
