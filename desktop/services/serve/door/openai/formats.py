"""The form that an answer is to have: response_format, and llama.cpp's own json_schema and grammar."""

from __future__ import annotations

from typing import Any

from desktop.services.serve.door.fields import Fields


def form(fields: Fields) -> dict[str, Any]:
    """``json_schema`` or ``grammar`` for the engine, or nothing. Raises DoorError (400)."""
    grammar, schema = fields.text("grammar"), fields.nested("json_schema")
    given = fields.nested("response_format")
    if given is not None:
        given.required("type")
        match given.choice("type", "text", "json_object", "json_schema"):
            case "json_object":
                schema = given.nested("schema") or Fields({"type": "object"})
            case "json_schema":
                given.required("json_schema")
                wrapper = given.nested("json_schema")
                assert wrapper is not None
                wrapper.required_text("name")
                schema = wrapper.nested("schema") or Fields({"type": "object"})
    if grammar and schema is not None:
        raise fields.wrong("grammar", "is not taken together with a JSON schema.", "invalid_value")
    if grammar:
        return {"grammar": grammar}
    return {} if schema is None else {"json_schema": schema.body or {"type": "object"}}
