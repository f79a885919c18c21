"""Writes resources/data/architecture_keys.csv from llama.cpp's sources: what a model of an architecture must say.

    python packaging/architecture_keys.py LLAMA_CPP_FOLDER COMMIT > resources/data/architecture_keys.csv

A key is required when the loader reads it without a default and under no condition: a statement of its own in
load_arch_hparams(). Keys read only for some sizes or options are left out, so that no sound file is called broken.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

# A whole statement at the first level of the function's body, four spaces in; a default makes a third argument.
_REQUIRED = re.compile(
    r"^    ml\.(?:get_key|get_key_or_arr|get_arr|get_arr_n)\((?P<key>LLM_KV_\w+),(?P<rest>.*)\);", re.MULTILINE
)
_OPTIONAL = re.compile(r",\s*(false|0|0\.0f)\s*$")
_BODY = re.compile(r"^void llama_model_(\w+)::load_arch_hparams\(.*?^}", re.MULTILINE | re.DOTALL)
_BODY_OF_ALL = re.compile(r"^void llama_model_base::load_hparams\(.*?^}", re.MULTILINE | re.DOTALL)
_CLASS = re.compile(r"struct llama_model_(\w+) : public llama_model_(\w+) \{(.*?)^\};", re.MULTILINE | re.DOTALL)
_CASES = re.compile(r"((?:\s*case LLM_ARCH_\w+:)+)\s*return new llama_model_(\w+)\(")


def main() -> None:
    """Print the table."""
    source, commit = Path(sys.argv[1]) / "src", sys.argv[2]
    arch = (source / "llama-arch.cpp").read_text()
    names = dict(re.findall(r"\{ (LLM_ARCH_\w+),\s+\"([^\"]+)\"", arch))
    keys = dict(re.findall(r"\{ (LLM_KV_\w+),\s+\"([^\"]+)\"", arch))
    bases = {name: base for name, base, _ in _CLASS.findall((source / "models" / "models.h").read_text())}
    bodies = {}
    for file in sorted((source / "models").glob("*.cpp")):
        for match in _BODY.finditer(file.read_text()):
            bodies[match[1]] = (_required(match[0], keys), f"src/models/{file.name}")
    rows = []
    for cases, model in _CASES.findall((source / "llama-model.cpp").read_text()):
        owner = model
        while owner not in bodies:
            owner = bases[owner]
        required, file_name = bodies[owner]
        for case in re.findall(r"LLM_ARCH_\w+", cases):
            if names[case] != "clip":
                rows.append((names[case], _filled(required, names[case]), f"llama.cpp {commit} {file_name}"))
    common = _BODY_OF_ALL.search((source / "llama-model.cpp").read_text())
    assert common is not None
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("architecture", "keys", "source"))
    out.writerow(("*", _filled(_required(common[0], keys), "*"), f"llama.cpp {commit} src/llama-model.cpp"))
    out.writerows(sorted(rows))


def _filled(keys: list[str], architecture: str) -> str:
    return " ".join(key.replace("%s", architecture) for key in keys)


def _required(body: str, keys: dict[str, str]) -> list[str]:
    lines = body.splitlines()
    found = []
    for match in _REQUIRED.finditer(body):
        before = lines[body[: match.start()].count("\n") - 1].strip()
        conditional = before.startswith(("if ", "if(", "else")) and not before.endswith((";", "}"))
        if not conditional and not _OPTIONAL.search(match["rest"]):
            found.append(keys[match["key"]])
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    main()
