"""The catalogues of the window's words: every ``tr("…")`` and ``counted(n, "…")`` of the program, for Qt Linguist.

    python packaging/catalogue.py              write resources/translations/heft_*.ts anew; what is translated stays
    python packaging/catalogue.py --check      only say what is missing, obsolete or has other places than its text

A text that is gone from the code is kept as "vanished", so that a word that comes back is not lost.
"""

from __future__ import annotations

import ast
import re
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

PROGRAM = Path(__file__).parent.parent / "desktop"
FOLDER = PROGRAM.parent / "resources" / "translations"
_CONTEXT = "heft"
_COUNTS = ("counted", "_counted")  # functions whose second argument is a noun


@dataclass(frozen=True)
class Message:
    """A text of the program, and the file that has it first."""

    text: str
    file: str
    formatted: bool  # has values, so that braces are places


def messages(program: Path = PROGRAM) -> dict[str, Message]:
    """All texts, in the order of their files."""
    found: dict[str, Message] = {}
    for path in sorted(program.rglob("*.py")):
        for text, formatted in _texts(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, Message(text, str(path.relative_to(program.parent)), formatted))
    return found


def _texts(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "tr" and node.args:
            yield from ((text, bool(node.keywords)) for text in _constants(node.args[0]))
        elif node.func.id in _COUNTS and len(node.args) > 1:
            for noun in _constants(node.args[1]):
                yield from ((f"{{n}} {noun}", True), (f"{{n}} {noun}s", True))


def _constants(node: ast.expr) -> Iterator[str]:
    """The text, or both of ``a if x else b``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def places(text: str) -> set[str]:
    """The names in braces, with how they are written: ``{n:,}``. ValueError where a brace stands alone."""
    parts = string.Formatter().parse(text)
    return {
        f"{name}{'!' + conversion if conversion else ''}:{spec}"
        for _, name, spec, conversion in parts
        if name is not None
    }


def translations(path: Path) -> dict[str, str]:
    """By text; those that vanished from the program too."""
    if not path.exists():
        return {}
    found = {}
    for message in ElementTree.parse(path).getroot().iter("message"):
        source, translation = message.findtext("source"), message.findtext("translation")
        if source and translation:
            found[source] = translation
    return found


def written(language: str, known: dict[str, Message], translated: dict[str, str]) -> str:
    """A catalogue as Qt Linguist writes it."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", f'<TS version="2.1" language="{language}">']
    lines += ["<context>", f"    <name>{_CONTEXT}</name>"]
    for message in known.values():
        translation = translated.get(message.text, "")
        lines += [
            "    <message>",
            f'        <location filename="../../{escape(message.file)}"/>',
            f"        <source>{_escaped(message.text)}</source>",
            f"        <translation>{_escaped(translation)}</translation>"
            if translation
            else '        <translation type="unfinished"></translation>',
            "    </message>",
        ]
    for text in sorted(set(translated) - set(known)):
        lines += [
            "    <message>",
            f"        <source>{_escaped(text)}</source>",
            f'        <translation type="vanished">{_escaped(translated[text])}</translation>',
            "    </message>",
        ]
    return "\n".join([*lines, "</context>", "</TS>", ""])


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;", "\r": "&#13;"})


def wrong(path: Path, known: dict[str, Message]) -> list[str]:
    """What is not right in a catalogue, but for what is not translated yet."""
    found = []
    for text, translation in translations(path).items():
        message = known.get(text)
        if message is None or not message.formatted:
            continue
        try:
            same = places(text) == places(translation)
        except ValueError:
            same = False
        if not same:
            found.append(f"{path.name}: the places of {translation!r} are not those of {text!r}")
    return found


def main(arguments: list[str]) -> int:
    known, failures = messages(), []
    for path in sorted(FOLDER.glob("heft_*.ts")):
        translated = translations(path)
        failures += wrong(path, known)
        missing = [text for text in known if text not in translated]
        language = path.stem.removeprefix("heft_")
        sys.stdout.write(f"{path.name}: {len(known) - len(missing)} of {len(known)} texts are translated\n")
        document = written(language, known, translated)
        if "--check" not in arguments:
            path.write_text(document, encoding="utf-8")
        elif [*re.findall("<source>.*", document)] != [*re.findall("<source>.*", path.read_text(encoding="utf-8"))]:
            failures.append(f"{path.name} is older than the program: python packaging/catalogue.py")
    sys.stdout.writelines(f"{failure}\n" for failure in failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
