"""Texts a chat template adds only when the conversation holds a certain word: the sign of a hidden instruction.

Ordinary templates ask a message for marks (``</think>``, ``/no_think``) and for its parts (``image``), and that is
told apart here from words a person would write. Imports jinja2; import this module late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import jinja2.nodes as nodes

from desktop.core.template_syntax import folded
from desktop.core.template_text import natural_words

_WORDS_OF_A_TEXT = 3  # natural words from which a text can instruct the model
_ROUNDS = 8  # in which variables are followed; each goes over all assignments


@dataclass(frozen=True)
class ConditionalText:
    """``text`` is added when a message holds ``trigger``; ``line`` is where the condition stands, from 1."""

    trigger: str
    text: str
    line: int


def conditional_texts(tree: nodes.Template) -> Iterator[ConditionalText]:
    """Texts of a few words or more under a condition on a word that somebody wrote."""
    said = _Said(tree)
    conditions: list[tuple[nodes.Node, list[nodes.Node], int]]
    conditions = [(node.test, node.body, node.lineno) for node in tree.find_all(nodes.If)]
    conditions += [(node.test, [node.expr1], node.lineno) for node in tree.find_all(nodes.CondExpr)]
    for test, body, line in conditions:
        keys = _keys(body)
        trigger = next((text for text in said.triggers(test) if natural_words(text) and text not in keys), "")
        if trigger:
            text = " ".join(" ".join(_spoken(body)).split())
            if len(natural_words(text)) >= _WORDS_OF_A_TEXT:
                yield ConditionalText(trigger, text, line)


class _Said:
    """Which expressions of a template are what somebody wrote: a message's content, and variables made from it."""

    def __init__(self, tree: nodes.Template) -> None:
        self._names: set[str] = set()
        made: list[tuple[nodes.Node, nodes.Node]]
        made = [(node.target, node.node) for node in tree.find_all(nodes.Assign)]
        # The parts of a content are looked at by their type; only what is split from a text is a text again.
        made += [(node.target, node.iter) for node in tree.find_all(nodes.For) if isinstance(node.iter, nodes.Call)]
        for _ in range(_ROUNDS):
            known = len(self._names)
            self._names.update(_name(target) for target, value in made if _name(target) and self.holds(value))
            if len(self._names) == known:
                break

    def holds(self, node: nodes.Node) -> bool:
        """Whether an expression is such a text, also cut, joined or in other letters."""
        match node:
            case nodes.Name() | nodes.NSRef() if _name(node) in self._names:
                return True
            case nodes.Getattr(attr="content" | "text") | nodes.Getitem(arg=nodes.Const(value="content" | "text")):
                return True
            case nodes.Getattr() if _name(node) in self._names:
                return True
            case nodes.Call(node=nodes.Getattr(node=owner)):
                return self.holds(owner)
            case nodes.Filter(node=nodes.Expr() as owner):
                return self.holds(owner)
            case nodes.Getitem(node=owner, arg=nodes.Slice() | nodes.Const(value=int()) | nodes.Neg()):
                return self.holds(owner)
            case nodes.Add(left=left, right=right):
                return self.holds(left) or self.holds(right)
            case nodes.Concat(nodes=parts):
                return any(self.holds(part) for part in parts)
            case nodes.CondExpr(expr1=first, expr2=second):
                return self.holds(first) or (second is not None and self.holds(second))
        return False

    def triggers(self, test: nodes.Node) -> Iterator[str]:
        """Literals that a condition holds against such a text."""
        for node in (test, *test.find_all((nodes.Compare, nodes.Call, nodes.Test))):
            match node:
                case nodes.Compare(expr=expr, ops=ops):
                    sides = [expr, *(operand.expr for operand in ops)]
                case nodes.Call(node=nodes.Getattr(node=owner), args=args):
                    sides = [owner, *args]
                case nodes.Test(node=owner, args=args):
                    sides = [owner, *(args or [])]
                case _:
                    continue
            if any(self.holds(side) for side in sides):
                for side in sides:
                    if not self.holds(side):
                        yield from _strings(side)


def _name(node: nodes.Node) -> str:
    """The name of a variable, with its namespace; "" for anything else."""
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.NSRef(name=name, attr=attr) | nodes.Getattr(node=nodes.Name(name=name), attr=attr):
            return f"{name}.{attr}"
    return ""


def _strings(node: nodes.Node) -> Iterator[str]:
    whole = folded(node)
    if whole:
        yield whole
        return
    yield from (c.value for c in node.find_all(nodes.Const) if isinstance(c.value, str))


def _keys(body: Iterable[nodes.Node]) -> set[str]:
    """Names by which a body looks into a value: what was asked for was a part of it, not a word."""
    found = set()
    for node in body:
        for part in (node, *node.find_all((nodes.Getattr, nodes.Getitem))):
            if isinstance(part, nodes.Getattr):
                found.add(part.attr)
            elif isinstance(part, nodes.Getitem):
                found.add(folded(part.arg))
    return found


def _spoken(body: Iterable[nodes.Node]) -> Iterator[str]:
    """Literals that statements put into a prompt or a variable: not keys, conditions or error messages."""
    for node in body:
        match node:
            case nodes.TemplateData() | nodes.Const():
                yield folded(node)
            case nodes.If(body=then, elif_=others, else_=last):
                yield from _spoken([*then, *others, *last])
            case nodes.CondExpr(expr1=first, expr2=second):
                yield from _spoken([first] if second is None else [first, second])
            case nodes.Getitem(node=owner) | nodes.Filter(node=nodes.Expr() as owner):
                yield from _spoken([owner])
            case nodes.Compare() | nodes.Test() | nodes.Call(node=nodes.Name(name="raise_exception")):
                pass
            case _:
                yield from _spoken(node.iter_child_nodes())
