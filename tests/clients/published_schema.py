"""schemathesis against the door by OpenAI's published schema: requests made of it, answers held against it.

python -m clients.published_schema OPENAPI.json [options of schemathesis run]

OPENAPI.json is that of github.com/openai/openai-openapi. Of its paths those that Heft serves are kept; every refusal
that serve.md names is added to each, since the schema has none. schemathesis is installed beside (PYTHONPATH).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from support.lending import KEY, open_door, served_file
from support.talkers import caller

_NAME = "caller"
_SERVED = {
    "/chat/completions": ("post",), "/completions": ("post",), "/embeddings": ("post",), "/models": ("get",),
    "/models/{model}": ("get",), "/responses": ("post",), "/responses/input_tokens": ("post",),
    "/responses/{response_id}": ("get", "delete"), "/responses/{response_id}/input_items": ("get",),
}  # fmt: skip
_CODES = ("400", "401", "403", "404", "405", "413", "415", "503")
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["message", "type", "param", "code"]}},
}
_RUN = "from schemathesis.cli import schemathesis; schemathesis()"


def served_part(published: dict[str, Any]) -> dict[str, Any]:
    """The part of the schema that Heft serves, with the refusals and the name of the one model there is."""
    paths: dict[str, Any] = {}
    for path, methods in _SERVED.items():
        operations = {name: dict(published["paths"][path][name]) for name in methods}
        for operation in operations.values():
            operation.pop("security", None)
            refused = {"description": "refused", "content": {"application/json": {"schema": _ERROR}}}
            operation["responses"] = {**dict.fromkeys(_CODES, refused), **operation["responses"]}
            for media in operation.get("requestBody", {}).get("content", {}).values():
                named = {"type": "object", "required": ["model"], "properties": {"model": {"const": _NAME}}}
                media["schema"] = {"allOf": [media["schema"], named]}
                media.pop("example", None)
                media.pop("examples", None)
        paths[path] = operations
    kept = {name: value for name, value in published.items() if name not in ("security", "webhooks")}
    return {**kept, "paths": paths}


def main() -> int:
    """The exit code of schemathesis."""
    published = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        schema, model = folder / "served.json", folder / "m.gguf"
        schema.write_text(json.dumps(served_part(published)), encoding="utf-8")
        caller(model)
        with served_file(model, folder, name=_NAME, context_length=4096) as lender, open_door(lender) as door:
            address, key = f"{door.address}/v1", f"Authorization: Bearer {KEY}"
            options = ["run", str(schema), "--url", address, "-H", key, *sys.argv[2:]]
            return subprocess.run([sys.executable, "-c", _RUN, *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
