"""Listening to llama.cpp while it computes: its scheduler asks about each node of the graph (``cb_eval``, llama.h)."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import EngineError
from desktop.core.words import tr
from desktop.engine.tools.measurer import Measurer


class Tensor(ctypes.Structure):
    """``ggml_tensor`` of ggml.h (GGML_MAX_DIMS 4, GGML_MAX_OP_PARAMS 64, GGML_MAX_SRC 10, GGML_MAX_NAME 64)."""

    op: int
    type: int
    ne: Any
    nb: Any
    src: Any
    data: int
    buffer: int
    name: bytes


Pointer = ctypes.POINTER(Tensor)
Tensor._fields_ = [
    ("type", ctypes.c_int),
    ("buffer", ctypes.c_void_p),
    ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4),
    ("op", ctypes.c_int),
    ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32),
    ("src", Pointer * 10),
    ("view_src", ctypes.c_void_p),
    ("view_offs", ctypes.c_size_t),
    ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64),
]


class Listening(Measurer, ABC):
    """Computes as a measurement does, and hears of each node."""

    def __init__(self) -> None:
        super().__init__()
        self._failed: Exception | None = None
        self._callback_of = self._lib.ggml_backend_sched_eval_callback(self._hear)  # llama.cpp holds its address
        self.bytes_of = self._named("ggml_nbytes", ctypes.c_size_t, Pointer)
        self.is_host = self._named("ggml_backend_buffer_is_host", ctypes.c_bool, ctypes.c_void_p)
        self._get = self._named(
            "ggml_backend_tensor_get", None, Pointer, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t
        )
        operations = self._operations()
        self.plain, self.routed = operations[b"MUL_MAT"], operations[b"MUL_MAT_ID"]
        self.reading = frozenset((self.plain, self.routed, operations[b"GET_ROWS"]))  # those that read weights

    @abstractmethod
    def heard(self, node: Tensor, ask: bool) -> bool:
        """``ask``: whether the node is wanted once it is computed; else it is. May raise."""

    def compute(self, chunk: int) -> None:
        """As a measurement does; EngineError also for what listening raised."""
        self._failed = None
        try:
            super().compute(chunk)
        finally:
            if self._failed is not None:
                raise EngineError(
                    tr("What the engine computes for this model could not be read."),
                    tr("Choose another model."),
                    detail=str(self._failed),
                )

    def array(self, pointer: Any, kind: Any) -> NDArray[Any]:
        """A tensor's values, the last dimension of ggml first. Valid until the next node."""
        tensor, size = pointer.contents, self.bytes_of(pointer)
        if tensor.buffer and self.is_host(tensor.buffer):
            raw = np.ctypeslib.as_array(ctypes.cast(tensor.data, ctypes.POINTER(ctypes.c_uint8)), (size,))
        else:
            raw = np.empty(size, np.uint8)
            self._get(pointer, raw.ctypes.data, 0, size)
        shape, steps = tuple(reversed(tensor.ne[:])), tuple(reversed(tensor.nb[:]))
        return np.ndarray(shape, kind, raw, 0, steps)

    def _parameters(self, context: int, batch: int) -> Any:
        found = super()._parameters(context, batch)
        found.cb_eval = self._callback_of
        return found

    def _hear(self, address: int, ask: bool, _data: object) -> bool:
        """Nothing may be raised into llama.cpp."""
        try:
            return self.heard(ctypes.cast(address, Pointer).contents, ask)
        except Exception as error:  # noqa: BLE001 - told when the engine is back
            self._failed = error
            return False

    def _named(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._lib._lib, name)
        found.restype, found.argtypes = result, list(arguments)  # type: ignore[attr-defined]
        return found

    def _operations(self) -> dict[bytes, int]:
        """Numbers of operations by name, as far as the ones that are needed: asking beyond the last is not allowed."""
        name_of = self._named("ggml_op_name", ctypes.c_char_p, ctypes.c_int)
        found: dict[bytes, int] = {}
        while not {b"MUL_MAT", b"MUL_MAT_ID", b"GET_ROWS"} <= found.keys():
            found[name_of(len(found))] = len(found)
        return found
