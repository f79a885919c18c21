"""What a chat template does that a chat template has no need to: findings from its syntax tree, nothing is run.

Two ideas, both needed (docs/reference/security.md): what the code reaches for (names and attributes that lead out of
the sandbox, work without end), and what the text says (hidden instructions, addresses, invisible characters, texts
that appear only when the conversation holds a certain word). Imports jinja2; import this module late.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jinja2
import jinja2.nodes as nodes

from desktop.core.findings import Finding, Severity
from desktop.core.template_conditions import conditional_texts
from desktop.core.template_syntax import MAX_CHARACTERS, folded, parse
from desktop.core.template_text import SUSPICIOUS
from desktop.core.text.invisible import INVISIBLE, invisible_names
from desktop.core.words import tr

MAX_FINDINGS = 50
_MANY = 1_000_000  # a template has no need for a million of anything
_OTHER = tr("Use a file whose template you trust, such as the model author's own.")

# Attributes of Python's objects that lead from a value to the interpreter.
_FRAMES = frozenset(
    ("gi_frame", "gi_code", "cr_frame", "ag_frame", "tb_frame", "f_globals", "f_builtins", "func_globals", "func_code")
)
# Jinja's own helpers with a way to its module's globals; CVE-2024-34359 and its successors went through them.
_HELPERS = frozenset(["cycler", "joiner", "lipsum", "self"])
_LOADING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@dataclass(frozen=True)
class Marked:
    """A finding and the line of the template, from 1, at which it stands."""

    finding: Finding
    line: int


def check_template(source: str) -> list[Marked]:
    """Findings about a chat template, in the order of its lines; none for an ordinary one.

    Errors are those that are made to harm, or that keep every renderer from using the template.
    """
    if len(source) > MAX_CHARACTERS:
        message = tr("The chat template has {source:,} characters; it was not examined.", source=len(source))
        return [_marked("warning", message, tr("The longest ones in use have some 17,000."), 1)]
    try:
        tree = parse(source)
    except jinja2.TemplateSyntaxError as error:
        message = tr(
            "The chat template is no valid Jinja: {message}.", message=(error.message or tr("syntax error"))[:200]
        )
        return [_marked("error", message, tr("It cannot be rendered, here or elsewhere."), error.lineno)]
    except RecursionError:
        return [_marked("error", tr("The chat template is nested too deeply."), tr("It cannot be rendered."), 1)]
    try:
        found = [*_reach(tree), *_work(tree), *_texts(tree), *_conditional(tree), *_invisible(source)]
    except RecursionError:
        return [_marked("error", tr("The chat template is nested too deeply."), tr("It cannot be rendered."), 1)]
    unique = {(marked.line, marked.finding.message): marked for marked in found}
    return sorted(unique.values(), key=lambda marked: marked.line)[:MAX_FINDINGS]


def compare_with_base(source: str, base: str) -> list[Marked]:
    """The first place where a template differs from its base model's, white space aside; none when they agree."""
    ours, theirs = source.splitlines(), base.splitlines()
    if [line.split() for line in ours if line.strip()] == [line.split() for line in theirs if line.strip()]:
        return []
    matcher = difflib.SequenceMatcher(None, ours[:4000], theirs[:4000], autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    line = changed[0][1] + 1 if changed else min(len(ours), len(theirs)) + 1
    count = sum(max(end - start, other_end - other) for _, start, end, other, other_end in changed)
    return [
        _marked(
            "warning",
            tr(
                "The chat template differs from the base model's in {count:,} lines, from line {line:,} on.",
                count=count,
                line=line,
            ),
            tr(
                "Uploaders mend templates, but a change can also carry instructions that the base "
                "model's does not have."
            ),
            line,
            tr("Compare both templates before you trust it."),
        )
    ]


def _marked(severity: Severity, message: str, reason: str, line: int, action: str = _OTHER) -> Marked:
    return Marked(Finding(severity, message, reason, action, about="template"), line)


# -- what the code reaches for --------------------------------------------------------------------


def _reach(tree: nodes.Template) -> Iterator[Marked]:
    for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Name, *_LOADING)):
        told = _reached(node)
        if told:
            yield _marked(
                "error",
                tr(
                    "The chat template reaches outside its sandbox: {told} in line {lineno}.",
                    told=told,
                    lineno=node.lineno,
                ),
                tr(
                    "Templates were used like this to run programs (CVE-2024-34359). Heft's sandbox "
                    "stops it, but the file was made to harm."
                ),
                node.lineno,
                tr("Do not use this file, and report it where you found it."),
            )


def _reached(node: nodes.Node) -> str:
    match node:
        case nodes.Getattr(attr=attr) if _inner(attr):
            return tr("the attribute '{attr}'", attr=attr[:40])
        case nodes.Getitem(arg=arg) if _inner(folded(arg)):
            return tr("the attribute '{arg}'", arg=folded(arg)[:40])
        case nodes.Filter(name="attr", args=args) if not (len(args) == 1 and _plain(args[0])):
            return tr("an attribute whose name is put together or hidden")
        case nodes.Filter(name="map" | "selectattr" | "rejectattr" | "groupby" | "sort" | "sum", args=args) if any(
            _inner(part) for arg in [*args, *(pair.value for pair in node.kwargs)] for part in folded(arg).split(".")
        ):
            return tr("an attribute named to a filter")
        case nodes.Name(name=name, ctx="load") if name in _HELPERS or name.startswith("__"):
            return tr("the name '{name}'", name=name[:40])
        case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
            return tr("another template")
    return ""


def _inner(name: str) -> bool:
    return name.startswith("__") or name in _FRAMES


def _plain(argument: nodes.Expr) -> bool:
    return isinstance(argument, nodes.Const) and isinstance(argument.value, str) and not _inner(argument.value)


# -- work without end -----------------------------------------------------------------------------


def _work(tree: nodes.Template) -> Iterator[Marked]:
    for node in tree.find_all((nodes.Call, nodes.Mul, nodes.Pow, nodes.Mod, nodes.Filter)):
        if _endless(node):
            yield _marked(
                "error",
                tr("The chat template asks for an enormous amount of work in line {lineno}.", lineno=node.lineno),
                tr("No conversation needs it; it fills the memory or never ends. Heft stops it after a few seconds."),
                node.lineno,
            )


def _endless(node: nodes.Node) -> bool:
    numbers = [abs(c.value) for c in node.find_all(nodes.Const) if isinstance(c.value, int | float)]
    match node:
        case nodes.Call(node=nodes.Name(name="range")):
            return any(number > _MANY for number in numbers)
        case nodes.Mul():
            return any(number > _MANY for number in numbers) and any(
                isinstance(c.value, str) for c in node.find_all(nodes.Const)
            )
        case nodes.Pow():
            return len(numbers) > 1 and max(numbers) > 1000
        case nodes.Mod(left=left):
            return _wide_format(folded(left))
        case nodes.Filter(name="format", node=nodes.Expr() as text):
            return _wide_format(folded(text))
        case nodes.Filter(name="center" | "indent"):
            return any(number > _MANY for number in numbers)
    return False


def _wide_format(text: str) -> bool:
    digits = "".join(c if c.isdigit() else " " for c in text) if "%" in text else ""
    return any(len(number) > 6 for number in digits.split())


# -- what the text says ---------------------------------------------------------------------------


def _texts(tree: nodes.Template) -> Iterator[Marked]:
    for parts in _literals(tree):
        text = "".join(folded(part) for part in parts)
        for pattern in SUSPICIOUS:
            match = pattern.expression.search(text)
            if match:
                excerpt = " ".join(match[0].split())[:80]
                line = _line_of(parts, match.start())
                yield _marked(
                    "warning",
                    tr("{message}: '{excerpt}' (line {line}).", message=pattern.message, excerpt=excerpt, line=line),
                    pattern.reason,
                    line,
                )


def _literals(tree: nodes.Template) -> Iterator[Sequence[nodes.Node]]:
    """Literals the template can put into a prompt; those of one output are one text, whatever is between them."""
    inside: set[int] = set()
    for output in tree.find_all(nodes.Output):
        parts = list(output.find_all((nodes.Const, nodes.TemplateData)))
        inside.update(id(part) for part in parts)
        yield parts
    yield from ([const] for const in tree.find_all(nodes.Const) if id(const) not in inside)


def _line_of(parts: Sequence[nodes.Node], index: int) -> int:
    """The line of the template at which the joined literals have this character."""
    for part in parts:
        text = folded(part)
        if index < len(text):
            # Line breaks in a quoted literal are written as escapes; in the text between tags they are lines.
            return part.lineno + (text.count("\n", 0, index) if isinstance(part, nodes.TemplateData) else 0)
        index -= len(text)
    return parts[0].lineno


def _conditional(tree: nodes.Template) -> Iterator[Marked]:
    for text in conditional_texts(tree):
        yield _marked(
            "warning",
            tr(
                "When a message holds '{trigger}', the chat template adds a text: '{text}' (line {line}).",
                trigger=text.trigger[:60],
                text=text.text[:80],
                line=text.line,
            ),
            tr("The model is told something else for some questions than for others, and you would not see it."),
            text.line,
        )


def _invisible(source: str) -> Iterator[Marked]:
    for number, line in enumerate(source.split("\n"), 1):
        found = INVISIBLE.findall(line)
        if found:
            yield _marked(
                "warning",
                tr(
                    "The chat template has invisible characters in line {number}: {found}.",
                    number=number,
                    found=invisible_names(found),
                ),
                tr(
                    "A person does not see them, the model does; they can hide instructions or turn the "
                    "order of a text."
                ),
                number,
            )
