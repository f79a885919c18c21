"""The yardstick: the shortest loop over llama.cpp's low-level API, with Heft's settings and nothing around it.

Run as a process of its own: ``python bare_loop.py MODEL CONTEXT TOKENS PROMPT``; prints one JSON document.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time

import llama_cpp.llama_cpp as lib
import psutil


def main(path: str, context_length: int, tokens: int, prompt: str) -> None:
    quiet = lib.llama_log_callback(lambda *_: None)
    lib.llama_log_set(quiet, None)
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = context_length, 512, 512
    params.n_threads = params.n_threads_batch = psutil.cpu_count(logical=False) or 1
    params.n_outputs_max, params.swa_full, params.no_perf = 1, False, True
    context = lib.llama_init_from_model(model, params)
    vocab = lib.llama_model_get_vocab(model)
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    for sampler in (
        lib.llama_sampler_init_top_k(40),
        lib.llama_sampler_init_top_p(0.95, 1),
        lib.llama_sampler_init_min_p(0.05, 1),
        lib.llama_sampler_init_temp(0.7),
        lib.llama_sampler_init_dist(1),
    ):
        lib.llama_sampler_chain_add(chain, sampler)
    raw = prompt.encode()
    buffer = (lib.llama_token * (len(raw) + 8))()
    count = lib.llama_tokenize(vocab, raw, len(raw), buffer, len(buffer), True, True)
    piece = ctypes.create_string_buffer(256)
    started = time.monotonic()
    for at in range(0, count, 512):
        part = (lib.llama_token * min(512, count - at))(*buffer[at : min(at + 512, count)])
        lib.llama_decode(context, lib.llama_batch_get_one(part, len(part)))
    token = lib.llama_sampler_sample(chain, context, -1)
    first = time.monotonic()
    one = (lib.llama_token * 1)()
    generated = 1
    while generated < tokens and not lib.llama_vocab_is_eog(vocab, token):
        lib.llama_token_to_piece(vocab, token, piece, 256, 0, False)
        one[0] = token
        lib.llama_decode(context, lib.llama_batch_get_one(one, 1))
        token = lib.llama_sampler_sample(chain, context, -1)
        generated += 1
    ended = time.monotonic()
    print(
        json.dumps(
            {
                "tokens_per_second": (generated - 1) / (ended - first),
                "generated_tokens": generated,
                "prompt_tokens_per_second": count / (first - started),
                "seconds_to_first_token": first - started,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
