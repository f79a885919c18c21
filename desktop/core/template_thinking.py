"""Where a chat template lets a person say something about thinking (:class:`desktop.core.thinking.Thinking`).

Read from the syntax tree; nothing is run, and nothing is computed either (Jinja's own analysis folds constants, and a
stranger's constants can fill the memory). Imports jinja2; import this module late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import jinja2
import jinja2.nodes as nodes

from desktop.core.template_syntax import MAX_CHARACTERS, folded, parse
from desktop.core.thinking import NO_THINKING, Thinking

# Variables of published templates, the one that decides first: DeepSeek's asks for ``enable_thinking`` only where
# ``thinking`` is not given.
_SWITCHES = ("thinking", "enable_thinking", "enable_reasoning", "reasoning")
_MODES = ("thinking_mode", "thinking_option")  # a word says it: MiniMax-M3 "enabled", Ling "on"
_BUDGET = "thinking_budget"  # tokens: 0 is off, -1 no limit (Seed-OSS)
_EFFORTS = ("reasoning_effort", "thinking_effort", "reasoning_strength")
_ON_WORDS = ("enabled", "on", "think")
_OFF_WORDS = ("disabled", "off", "no_think", "none")
_USUAL = ("low", "medium", "high")  # where a template takes any word: gpt-oss
_ORDER = ("minimal", *_USUAL, "xhigh", "max")
_KNOWN = frozenset((*_SWITCHES, *_MODES, _BUDGET, *_EFFORTS))


def thinking_of(source: str) -> Thinking:
    """The switch and levels of a chat template; none of a template that is too long or no valid Jinja."""
    if len(source) > MAX_CHARACTERS:
        return NO_THINKING
    try:
        return _thinking(parse(source))
    except (jinja2.TemplateSyntaxError, RecursionError):
        return NO_THINKING


def _thinking(tree: nodes.Template) -> Thinking:
    given = _given(tree)
    effort = next((name for name in _EFFORTS if name in given), "")
    words = _words(tree, effort) if effort else ()
    levels = tuple(sorted((word for word in words if word not in _OFF_WORDS), key=_rank))
    if effort and not _compared(tree, effort) and _printed(tree, effort):
        levels = tuple(sorted({*levels, *_USUAL}, key=_rank))
    off = next((word for word in words if word in _OFF_WORDS), "")
    by_effort = Thinking(effort, levels[-1], off) if off and levels else NO_THINKING
    switch = next((Thinking(name) for name in _SWITCHES if name in given), None)
    found = switch or _mode(tree, given) or (Thinking(_BUDGET, -1, 0) if _BUDGET in given else by_effort)
    return Thinking(found.switch, found.on, found.off, effort if levels else "", levels)


def _mode(tree: nodes.Template, given: set[str]) -> Thinking | None:
    """A switch whose values are words."""
    for name in _MODES:
        words = _words(tree, name) if name in given else ()
        on = next((word for word in words if word in _ON_WORDS), "")
        off = next((word for word in words if word in _OFF_WORDS), "")
        if on and off:
            return Thinking(name, on, off)
    return None


def _rank(level: str) -> int:
    return _ORDER.index(level) if level in _ORDER else len(_ORDER)


# -- which variables are the caller's --------------------------------------------------------------


def _given(tree: nodes.Template) -> set[str]:
    """The known variables that are read before the template has set them, and that it never makes of messages."""
    read: set[str] = set()
    _follow(tree.body, set(), read)
    made = {
        node.target.name
        for node in tree.find_all(nodes.Assign)
        if isinstance(node.target, nodes.Name) and not _names(node.node) <= _KNOWN
    }
    return (read & _KNOWN) - made


def _follow(statements: Iterable[nodes.Node], bound: set[str], read: set[str]) -> set[str]:
    """Walk statements in their order; ``read`` gets the names that are read while unbound. Returns what is bound."""
    for node in statements:
        match node:
            case nodes.Assign(target=target, node=value):
                _read(value, bound, read)
                bound = bound | _targets(target)
            case nodes.AssignBlock(target=target, body=body):
                _follow(body, bound, read)
                bound = bound | _targets(target)
            case nodes.If(test=test, body=body, elif_=others, else_=last):
                _read(test, bound, read)
                ends = [_follow(body, bound, read), _follow(last, bound, read)]
                for other in others:
                    _read(other.test, bound, read)
                    ends.append(_follow(other.body, bound, read))
                bound = set.intersection(*ends)
            case nodes.For(target=target, iter=values, body=body, else_=last, test=test):
                _read(values, bound, read)
                inside = bound | _targets(target)
                if test is not None:
                    _read(test, inside, read)
                _follow(body, inside, read)  # what is set in a loop ends with it
                _follow(last, bound, read)
            case nodes.Macro(body=body, args=args, defaults=defaults, name=name):
                for default in defaults:
                    _read(default, bound, read)
                _follow(body, bound | {arg.name for arg in args}, read)
                bound = bound | {name}
            case _:
                _read(node, bound, read)
    return bound


def _read(node: nodes.Node, bound: set[str], read: set[str]) -> None:
    read.update(_names(node) - bound)


def _names(node: nodes.Node) -> set[str]:
    """Names an expression reads."""
    found = (node, *node.find_all(nodes.Name))
    return {part.name for part in found if isinstance(part, nodes.Name) and part.ctx == "load"}


def _targets(node: nodes.Node) -> set[str]:
    found = (node, *node.find_all(nodes.Name))
    return {part.name for part in found if isinstance(part, nodes.Name)}


# -- which words a variable takes ------------------------------------------------------------------


def _words(tree: nodes.Template, name: str) -> tuple[str, ...]:
    """Literals a variable is compared with or set to, in the order of the template, each once."""
    return tuple(dict.fromkeys((*_compared(tree, name), *_set(tree, name))))


def _compared(tree: nodes.Template, name: str) -> tuple[str, ...]:
    return tuple(word for node in tree.find_all((nodes.Compare, nodes.Test)) for word in _against(node, name) if word)


def _against(node: nodes.Node, name: str) -> Iterator[str]:
    """Literals that one comparison holds against a variable."""
    match node:
        case nodes.Compare(expr=expr, ops=ops):
            sides = [expr, *(operand.expr for operand in ops)]
        case nodes.Test(name="eq" | "equalto" | "ne" | "in", node=expr, args=args):
            sides = [expr, *args]
        case _:
            return
    if any(_is(side, name) for side in sides):
        for side in sides:
            yield from _literals(side)


def _is(node: nodes.Node, name: str) -> bool:
    """Whether an expression is the variable, also in other letters."""
    match node:
        case nodes.Name(name=its):
            return bool(its == name)
        case nodes.Filter(node=nodes.Expr() as owner) | nodes.Call(node=nodes.Getattr(node=owner)):
            return _is(owner, name)
    return False


def _literals(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.List(items=items) | nodes.Tuple(items=items):
            for item in items:
                yield from _literals(item)
        case nodes.Dict(items=pairs):
            for pair in pairs:
                yield from _literals(pair.key)
        case _:
            yield folded(node)


def _set(tree: nodes.Template, name: str) -> Iterator[str]:
    """Literals that stand in for the variable where it is not given: set, by ``default(...)``, or after ``else``."""
    for assign in tree.find_all(nodes.Assign):
        if _targets(assign.target) == {name}:
            yield from _values(assign.node)
        elif name in _names(assign.node):
            yield from (word for part in assign.node.find_all(nodes.Filter) for word in _defaults(part, name))
            match assign.node:
                case nodes.CondExpr(expr1=first, expr2=second) if _is(first, name) and second is not None:
                    yield from _values(second)
    for part in tree.find_all(nodes.Filter):
        yield from _defaults(part, name)


def _defaults(node: nodes.Filter, name: str) -> Iterator[str]:
    if node.name in ("default", "d") and node.node is not None and _is(node.node, name):
        yield from (folded(arg) for arg in node.args if folded(arg))


def _values(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.CondExpr(expr1=first, expr2=second):
            yield from _values(first)
            if second is not None:
                yield from _values(second)
        case nodes.Const(value=str(text)) if text:
            yield text


def _printed(tree: nodes.Template, name: str) -> bool:
    """Whether the variable goes into the prompt as it is, itself or by the name it was given on."""
    again = {
        assign.target.name
        for assign in tree.find_all(nodes.Assign)
        if isinstance(assign.target, nodes.Name) and name in _names(assign.node)
    }
    return any({name, *again} & _names(output) for output in tree.find_all(nodes.Output))
