"""Measures what a model loses on a text, chunk by chunk, in a process of its own.

As llama-perplexity does it (``tools/perplexity/perplexity.cpp``, perplexity and kl_divergence): the text is cut into
chunks of the context's length, each begins with BOS where the vocabulary asks for it, and the second half of each
counts. The reference's logits come from a file of that program's form, and are written in it. One chunk is computed at
a time, at most ``_BATCH`` rows of logits are in memory.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from desktop.core.errors import EngineError, HeftError
from desktop.core.failures import FailureKind
from desktop.core.loss_statistics import Sums, counted_tokens, logits_bytes, row_words
from desktop.core.progress import Progress, Report
from desktop.core.words import tr
from desktop.engine.helper_process import serve

MAGIC = b"_logits_"
_HEAD = struct.Struct("<8siii")  # with context, vocabulary, chunks
_BATCH = 512  # tokens that are computed at once


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Load a model for a context of ``context`` tokens and cut ``text`` (a file) into chunks.

    ``vocabulary_only``: only count. The placement is as in a load's plan.
    """

    path: str
    text: str
    context: int
    threads: int = 0
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    devices: str = ""
    vocabulary_only: bool = False


class Chunks(msgspec.Struct, frozen=True, tag="chunks"):
    """Compute ``count`` chunks from number ``first`` on with the model that is open.

    ``write``: the file that their logits are added to, of ``all_chunks``; ``base``: the file of the reference's.
    """

    first: int
    count: int
    write: str = ""
    base: str = ""
    all_chunks: int = 0


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """``chunks`` of the text; ``token_sign`` tells texts cut by different vocabularies apart."""

    tokens: int
    chunks: int
    vocabulary: int
    token_sign: str


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """Sums over the chunks' tokens; ``klds`` are each token's KL divergence as 32-bit floats, b"" without a base.
    ``seconds`` is the time that it took."""

    sums: Sums
    klds: bytes
    seconds: float


Request = Open | Chunks
Answer = Opened | Measured


class Measurer:
    """One model at a time."""

    def __init__(self) -> None:
        import llama_cpp.llama_cpp as lib

        from desktop.engine import llama
        from desktop.engine.log import EngineLog

        self._lib: Any = lib
        self._log = EngineLog()
        self._callback = llama.start(self._log)
        self._handle: Any = None
        self._context: Any = None
        self._tokens: NDArray[np.int32] = np.empty(0, np.int32)
        self._length = self._vocabulary = 0
        self._bos: int | None = None
        self._workers = 1
        self._pool = ThreadPoolExecutor(1)

    # -- opening ------------------------------------------------------------------------------------

    def open(self, request: Open) -> Opened:
        """Raises EngineError where llama.cpp refuses the model, HeftError for a text that is too short."""
        lib = self._lib
        self.close()
        self._log.mark()
        params, kept = self._model_parameters(request)
        params.vocab_only = request.vocabulary_only
        self._handle = lib.llama_model_load_from_file(os.fsencode(request.path), params)
        del kept
        if not self._handle:
            raise self._refused()
        vocab = lib.llama_model_get_vocab(self._handle)
        if lib.llama_vocab_get_add_eos(vocab):
            raise HeftError(
                tr(
                    "This model's vocabulary ends every text with a token of its own, so that chunks of "
                    "a text cannot be measured."
                ),
                tr("Choose another model."),
                kind=FailureKind.CANNOT_CHAT,
            )
        self._vocabulary, self._length = lib.llama_vocab_n_tokens(vocab), request.context
        self._bos = lib.llama_vocab_bos(vocab) if lib.llama_vocab_get_add_bos(vocab) else None
        self._tokens = self._split(vocab, Path(request.text))
        chunks = len(self._tokens) // request.context
        if chunks < 2:
            raise HeftError(
                tr(
                    "The text has {tokens:,} tokens; at least {value:,} are needed.",
                    tokens=len(self._tokens),
                    value=2 * request.context,
                ),
                tr("Choose a longer text, or a smaller context."),
                kind=FailureKind.USAGE,
            )
        sign = hashlib.sha256(self._tokens[: chunks * request.context].tobytes()).hexdigest()[:16]
        if not request.vocabulary_only:
            self._make_context(request)
        return Opened(len(self._tokens), chunks, self._vocabulary, sign)

    def _model_parameters(self, request: Open) -> tuple[Any, Any]:
        from desktop.engine import llama

        return llama.model_parameters(request.path, request.gpu_layers, request.cpu_expert_layers, request.devices)

    def _make_context(self, request: Open) -> None:
        batch = min(_BATCH, request.context)
        parameters = self._parameters(request.context, batch)
        parameters.n_batch = parameters.n_ubatch = batch
        parameters.n_outputs_max = batch
        parameters.n_outputs_max_per_seq = batch
        parameters.n_threads = parameters.n_threads_batch = request.threads
        self._context = self._lib.llama_init_from_model(self._handle, parameters)
        if not self._context:
            raise self._refused()
        self._workers = max(1, request.threads)
        self._pool = ThreadPoolExecutor(self._workers)

    def _parameters(self, context: int, batch: int) -> Any:
        from desktop.engine import llama

        return llama.context_parameters(context, ("f16", "f16"), "auto", outputs=batch)

    def _split(self, vocab: Any, path: Path) -> NDArray[np.int32]:
        raw = path.read_bytes().removesuffix(b"\n")  # as llama.cpp's --file reads it
        size = len(raw) + 8
        while True:
            buffer = (self._lib.llama_token * size)()
            count = self._lib.llama_tokenize(vocab, raw, len(raw), buffer, size, True, False)
            if count >= 0:
                return np.frombuffer(buffer, np.int32, count).copy()
            size = -count

    def _refused(self) -> HeftError:
        from desktop.engine.logmap import explain_exit

        cause = explain_exit(1, self._log.since_mark, "loading")
        return EngineError(cause.message, cause.hint, detail=self._log.since_mark, kind=cause.kind)

    def close(self) -> None:
        """Free the model, if any."""
        if self._context:
            self._lib.llama_free(self._context)
        if self._handle:
            self._lib.llama_model_free(self._handle)
        self._context = self._handle = None
        self._pool.shutdown()

    # -- measuring ----------------------------------------------------------------------------------

    def chunks(self, request: Chunks, progress: Report) -> Measured:
        """Raises EngineError where a chunk cannot be computed, HeftError for a reference of another vocabulary."""
        if not self._context:
            raise EngineError(
                tr("No model is loaded."), tr("Begin the measurement again."), kind=FailureKind.NOT_LOADED
            )
        begun = time.perf_counter()
        sums, klds = Sums(), []
        base = _open_base(request.base, self._tokens, self._length, self._vocabulary) if request.base else None
        try:
            for chunk in range(request.first, request.first + request.count):
                progress(Progress(chunk - request.first, request.count, "chunks"))
                if request.write:
                    sums = sums.plus(self._kept(chunk, Path(request.write), request.all_chunks))
                    continue
                for rows, tokens, at in self._rows(chunk):
                    part, far = self._measured(rows, tokens, base, chunk, at)
                    sums = sums.plus(part)
                    klds.append(far)
        finally:
            if base is not None:
                base.file.close()
        return Measured(sums, b"".join(klds), time.perf_counter() - begun)

    def _measured(
        self, rows: NDArray[np.float32], tokens: list[int], base: _Base | None, chunk: int, at: int
    ) -> tuple[Sums, bytes]:
        from desktop.engine.tools.token_losses import distances, losses

        if base is None:
            return losses(rows, tokens, self._pool, self._workers), b""
        sums, klds = distances(rows, base.rows(chunk, at, len(tokens)), tokens, self._pool, self._workers)
        return sums, klds.tobytes()

    def _kept(self, chunk: int, path: Path, chunks: int) -> Sums:
        """Add a chunk's logits to a file; what a kill has left of one is overwritten."""
        from desktop.engine.tools.token_losses import compressed, losses

        sums = Sums()
        with path.open("r+b" if path.exists() else "w+b") as out:
            if out.seek(0, os.SEEK_END) < _HEAD.size + 4 * self._length * chunks:
                out.seek(0)
                out.write(_HEAD.pack(MAGIC, self._length, self._vocabulary, chunks))
                out.write(self._tokens[: chunks * self._length].tobytes())
            out.seek(logits_bytes(self._vocabulary, self._length, chunks) - self._data_bytes(chunks - chunk))
            for rows, tokens, _ in self._rows(chunk):
                sums = sums.plus(losses(rows, tokens, self._pool, self._workers))
                out.write(compressed(rows, self._pool, self._workers).data)
            out.truncate()
            out.flush()
        return sums

    def _data_bytes(self, chunks: int) -> int:
        return 2 * row_words(self._vocabulary) * counted_tokens(self._length, chunks)

    def _rows(self, chunk: int) -> Any:
        """The rows of logits that count, with the tokens that follow them and the number of the first."""
        length = self._length
        first = length // 2
        tokens = self._tokens[chunk * length : (chunk + 1) * length]
        for begin, end in self._decoded(chunk, first, length - 1):
            low, high = max(begin, first), min(end, length - 1)
            if high > low:
                self._lib.llama_synchronize(self._context)
                pointer = self._lib.llama_get_logits(self._context)
                rows = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)),
                                             (high - low, self._vocabulary))  # fmt: skip
                yield rows, [int(token) for token in tokens[low + 1 : high + 1]], low - first

    def compute(self, chunk: int) -> None:
        """A chunk with an output of every token, so that the last layer computes them all. Raises EngineError."""
        for _ in self._decoded(chunk, 0, self._length):
            self._lib.llama_synchronize(self._context)

    def _decoded(self, chunk: int, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Decodes a chunk in an empty context, step by step; the tokens of each. Outputs from ``first`` to before
        ``last``."""
        lib, length = self._lib, self._length
        own = self._tokens[chunk * length : (chunk + 1) * length].copy()
        if self._bos is not None:
            own[0] = self._bos
        lib.llama_memory_clear(lib.llama_get_memory(self._context), True)
        step = min(_BATCH, length)
        batch = lib.llama_batch_init(step, 0, 1)
        try:
            for begin in range(0, length, step):
                end = min(begin + step, length)
                batch.n_tokens = end - begin
                for at in range(begin, end):
                    batch.token[at - begin] = int(own[at])
                    batch.pos[at - begin] = at
                    batch.n_seq_id[at - begin] = 1
                    batch.seq_id[at - begin][0] = 0
                    batch.logits[at - begin] = first <= at < last
                if lib.llama_decode(self._context, batch) != 0:
                    raise EngineError(tr("The engine could not compute this text."), tr("Try a smaller context."),
                                      detail=self._log.tail)  # fmt: skip
                yield begin, end
        finally:
            lib.llama_batch_free(batch)


class _Base:
    """The reference's kept logits."""

    def __init__(self, file: IO[bytes], context: int, vocabulary: int, chunks: int) -> None:
        self.file = file
        self._context, self._vocabulary, self._chunks = context, vocabulary, chunks

    def rows(self, chunk: int, at: int, count: int) -> NDArray[np.uint16]:
        """``count`` rows of a chunk from its row ``at`` on."""
        width = row_words(self._vocabulary)
        number = counted_tokens(self._context, chunk) + at
        self.file.seek(_HEAD.size + 4 * self._context * self._chunks + 2 * width * number)
        data = self.file.read(2 * width * count)
        if len(data) != 2 * width * count:
            raise HeftError(
                tr("What was kept of the reference is not complete."), tr("Measure again."), kind=FailureKind.DAMAGED
            )
        return np.frombuffer(data, np.uint16).reshape(count, width)


def _open_base(path: str, tokens: NDArray[np.int32], context: int, vocabulary: int) -> _Base:
    file = Path(path).open("rb")  # noqa: SIM115 - closed by whoever asked
    try:
        magic, length, words, chunks = _HEAD.unpack(file.read(_HEAD.size))
        kept = np.frombuffer(file.read(4 * length * chunks), np.int32)
        same = (magic, length, words) == (MAGIC, context, vocabulary) and np.array_equal(kept, tokens[: len(kept)])
    except (struct.error, ValueError):
        same = False
    if not same:
        file.close()
        raise HeftError(
            tr("The reference splits this text into other tokens: it is another model's."),
            tr("Choose a reference of the same model."),
            kind=FailureKind.USAGE,
        )
    return _Base(file, length, words, chunks)


def main() -> None:
    """Serve until stdin closes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    made: list[Measurer] = []

    def answer(request: Request, progress: Report) -> Answer:
        if not made:
            made.append(Measurer())
        return made[0].open(request) if isinstance(request, Open) else made[0].chunks(request, progress)

    serve(Request, answer)


if __name__ == "__main__":
    main()
