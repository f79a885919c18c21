"""What a pickle would import and call: its opcodes followed on a stack of descriptions, never of objects.

The stack is needed because names come apart from their use: STACK_GLOBAL takes module and name from texts that may
have been stored and fetched long before. After pickle.py of CPython 3.11 (the class _Unpickler).
"""

from __future__ import annotations

import pickletools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from desktop.core.errors import FileFormatError
from desktop.core.formats.pickle_ops import OPCODES, Operation, OperationReader
from desktop.core.formats.summary import TensorRow
from desktop.core.gguf.source import ByteSource

MAX_OPERATIONS = 1_000_000
MAX_STACK = 50_000  # pickle.py itself writes long lists in pieces of 1,000
MAX_LISTED = 1_000  # different imports and calls
MAX_TENSORS = 50_000
MAX_KEPT = 100_000  # descriptions in the memo
TEXT_BUDGET = 32 << 20  # bytes of all texts, with what Python adds to each
COMPUTED = "(computed)"


@dataclass(frozen=True, slots=True)
class Import:
    """Something fetched by name: ``module`` and ``name`` are "(computed)" where the pickle works them out."""

    module: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class _Tuple:
    items: tuple[_Item, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class _Storage:
    dtype: str


@dataclass(frozen=True, slots=True)
class _Tensor:
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    by: str


_Item = str | int | Import | _Tuple | _Storage | _Tensor | _Made | None  # None: anything else
_MARK, _CALLED = _Made("the mark"), _Made("a call")
_REBUILDERS = frozenset(
    {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"}
)


@dataclass
class PickleScan:
    """What was found. ``imports`` have the byte of their first use.

    ``calls`` counts calls by import, ``examples`` show the first call of each in words; ``computed_calls`` are calls
    of something that was not imported by name. ``problem`` is why the scan ended before STOP, "" when it did not.
    ``end`` is the byte behind the pickle.
    """

    imports: dict[Import, int | None] = field(default_factory=dict)
    calls: Counter[Import] = field(default_factory=Counter)
    examples: dict[Import, str] = field(default_factory=dict)
    computed_calls: int = 0
    tensors: list[TensorRow] = field(default_factory=list)
    protocol: int = 0
    operations: int = 0
    problem: str = ""
    problem_offset: int | None = None
    end: int = 0

    def move(self, base: int | None) -> None:
        """Count bytes from ``base`` earlier: the file a pickle lies in. None: it lies there packed, without a byte."""
        self.imports = {
            key: at + base if at is not None and base is not None else None for key, at in self.imports.items()
        }
        at = self.problem_offset
        self.problem_offset = at + base if at is not None and base is not None else None


def scan_pickle(source: ByteSource, start: int = 0, limit: int = MAX_OPERATIONS) -> PickleScan:
    """Follow one pickle to its STOP or as far as it goes; never raises for what it holds. OSError passes."""
    machine = _Machine(limit)
    scan = machine.scan
    reader = OperationReader(source, start)
    try:
        for operation in reader.operations():
            machine.step(operation)
    except FileFormatError as error:
        scan.problem, scan.problem_offset = error.message, error.offset
    scan.end = reader.position
    return scan


class _Machine:
    def __init__(self, limit: int) -> None:
        self.scan = PickleScan()
        self.limit = limit
        self.stack: list[_Item] = []
        self.memo: dict[int, _Item] = {}
        self.memo_next = 0  # keys below are all taken
        self.memo_far: set[int] = set()
        self.text_left = TEXT_BUDGET

    def step(self, operation: Operation) -> None:
        scan = self.scan
        scan.operations += 1
        full = len(self.stack) > MAX_STACK or len(self.memo_far) > MAX_KEPT or self.text_left < 0
        if full or scan.operations > self.limit:
            what = f"The pickle is longer or deeper than the {MAX_OPERATIONS:,} operations that Heft follows."
            raise FileFormatError(what, offset=operation.position)
        special = _SPECIAL.get(operation.name)
        if special is not None:
            special(self, operation)
        else:
            self._generic(OPCODES[operation.name])

    # -- the stack ---------------------------------------------------------------------------------

    def pop(self) -> _Item:
        """The top, or nothing known below the bottom (the interpreter would fail there)."""
        return self.stack.pop() if self.stack else None

    def pop_to_mark(self) -> list[_Item]:
        """All above the last mark, which goes too."""
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                items = self.stack[at + 1 :]
                del self.stack[at:]
                return items
        items, self.stack = self.stack, []
        return items

    def _generic(self, known: pickletools.OpcodeInfo) -> None:
        before = [kind.name for kind in known.stack_before]
        if "mark" in before:
            self.pop_to_mark()
            before = before[: before.index("mark")]
        for _ in before:
            self.pop()
        self.stack.extend([None] * len(known.stack_after))

    # -- operations that matter --------------------------------------------------------------------

    def text(self, operation: Operation) -> None:
        argument = operation.argument
        text = argument if isinstance(argument, str) else ""
        if not text.isascii():
            text = text[:32]  # no name of a module is longer
        self.text_left -= 56 + len(text)
        self.stack.append(text)

    def number(self, operation: Operation) -> None:
        value = operation.argument
        self.stack.append(value if isinstance(value, int) and abs(value) < 1 << 63 else None)

    def protocol(self, operation: Operation) -> None:
        if isinstance(operation.argument, int):
            self.scan.protocol = operation.argument

    def mark(self, _operation: Operation) -> None:
        self.stack.append(_MARK)

    def duplicate(self, _operation: Operation) -> None:
        self.stack.append(self.stack[-1] if self.stack else None)

    def drop(self, _operation: Operation) -> None:
        self.pop()

    def drop_to_mark(self, _operation: Operation) -> None:
        self.pop_to_mark()

    def put(self, operation: Operation) -> None:
        if operation.name == "MEMOIZE":
            key = self.memo_next + len(self.memo_far)
        elif isinstance(operation.argument, int):
            key = operation.argument
        else:
            return
        if key == self.memo_next:
            self.memo_next += 1
        elif key > self.memo_next:
            self.memo_far.add(key)
        top = self.stack[-1] if self.stack else None
        if top is None or isinstance(top, _Tuple) or len(self.memo) >= MAX_KEPT:
            self.memo.pop(key, None)
        else:
            self.memo[key] = top

    def get(self, operation: Operation) -> None:
        key = operation.argument
        self.stack.append(self.memo.get(key) if isinstance(key, int) else None)

    def tuple_of(self, operation: Operation) -> None:
        if operation.name == "TUPLE":
            items = self.pop_to_mark()
        else:
            count = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}[operation.name]
            items = [self.pop() for _ in range(count)][::-1]
        depth = 1 + max((item.depth for item in items if isinstance(item, _Tuple)), default=0)
        self.stack.append(_Tuple(tuple(items), depth) if depth <= 3 and len(items) <= 16 else None)

    # -- imports and calls -------------------------------------------------------------------------

    def imported(self, module: _Item, name: _Item, position: int) -> Import:
        """Note an import; both parts are known only as texts."""
        found = Import(
            module if isinstance(module, str) else COMPUTED,
            name if isinstance(name, str) else COMPUTED,
        )
        if len(self.scan.imports) < MAX_LISTED:
            self.scan.imports.setdefault(found, position)
        return found

    def called(self, function: _Item, arguments: _Item) -> None:
        """Note a call and leave its result."""
        result: _Item = _CALLED
        if isinstance(function, Import):
            if function in self.scan.imports:
                self.scan.calls[function] += 1
                self.scan.examples.setdefault(function, f"{function.path}{_words(arguments)}")
            result = _tensor(function, arguments) or _CALLED
        else:
            self.scan.computed_calls += 1
        self.stack.append(result)

    def by_name(self, operation: Operation) -> None:
        argument = operation.argument
        module, name = argument if isinstance(argument, tuple) else (None, None)
        self.stack.append(self.imported(module, name, operation.position))

    def from_stack(self, operation: Operation) -> None:
        name, module = self.pop(), self.pop()
        self.stack.append(self.imported(module, name, operation.position))

    def extension(self, operation: Operation) -> None:
        # The registry of copyreg.add_extension: which import a code stands for, the file does not say.
        self.stack.append(self.imported("copyreg extension", str(operation.argument), operation.position))

    def instance(self, operation: Operation) -> None:
        items = self.pop_to_mark()
        if operation.name == "INST":
            argument = operation.argument
            module, name = argument if isinstance(argument, tuple) else (None, None)
            function: _Item = self.imported(module, name, operation.position)
        else:
            function = items.pop(0) if items else None
        self.called(function, _Tuple(tuple(items[:16]), 1))

    def call(self, operation: Operation) -> None:
        if operation.name == "NEWOBJ_EX":
            self.pop()
        arguments = self.pop()
        self.called(self.pop(), arguments)

    def build(self, _operation: Operation) -> None:
        self.pop()  # the state goes into the object below, which stays

    def persistent(self, operation: Operation) -> None:
        identity = self.pop() if operation.name == "BINPERSID" else None
        items = identity.items if isinstance(identity, _Tuple) else ()
        if len(items) >= 2 and items[0] == "storage" and isinstance(items[1], Import):
            self.stack.append(_Storage(items[1].name.removesuffix("Storage").upper() or "?"))
        else:
            self.stack.append(None)

    def entries(self, operation: Operation) -> None:
        items = [self.pop(), self.pop()][::-1] if operation.name == "SETITEM" else self.pop_to_mark()
        for key, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(key, str) and isinstance(value, _Tensor) and len(self.scan.tensors) < MAX_TENSORS:
                self.scan.tensors.append(TensorRow(key, value.shape, value.dtype, 0, 0))


def _tensor(function: Import, arguments: _Item) -> _Item:
    """The tensor that PyTorch's rebuild functions would make, from the description of their arguments."""
    items = arguments.items if isinstance(arguments, _Tuple) else ()
    if function.path in _REBUILDERS and len(items) >= 3 and isinstance(items[0], _Storage):
        shape = items[2]
        if isinstance(shape, _Tuple) and all(isinstance(n, int) and 0 <= n < 1 << 40 for n in shape.items):
            return _Tensor(items[0].dtype, tuple(n for n in shape.items if isinstance(n, int)))
    if function.path == "torch._utils._rebuild_parameter" and items and isinstance(items[0], _Tensor):
        return items[0]
    return None


def _words(item: _Item) -> str:
    """A call's arguments, as far as they are known, in Python's notation."""
    if not isinstance(item, _Tuple):
        return "(…)"
    parts = [
        repr(part[:120]) if isinstance(part, str) else str(part) if isinstance(part, int)
        else part.path if isinstance(part, Import) else "…"
        for part in item.items[:6]
    ]  # fmt: skip
    return f"({', '.join(parts)}{', …' if len(item.items) > 6 else ''})"


_SPECIAL: dict[str, Callable[[_Machine, Operation], None]] = {
    **dict.fromkeys(
        ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "STRING", "UNICODE"),
        _Machine.text,
    ),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1"), _Machine.number),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("TUPLE", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), _Machine.tuple_of),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Machine.extension),
    **dict.fromkeys(("INST", "OBJ"), _Machine.instance),
    **dict.fromkeys(("REDUCE", "NEWOBJ", "NEWOBJ_EX"), _Machine.call),
    **dict.fromkeys(("PERSID", "BINPERSID"), _Machine.persistent),
    **dict.fromkeys(("SETITEM", "SETITEMS"), _Machine.entries),
    "PROTO": _Machine.protocol,
    "MARK": _Machine.mark,
    "DUP": _Machine.duplicate,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
    "GLOBAL": _Machine.by_name,
    "STACK_GLOBAL": _Machine.from_stack,
    "BUILD": _Machine.build,
}
