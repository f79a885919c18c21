// What llama.cpp's server is made to call in the place of llama.cpp's own functions (engine.cmake).

#pragma once

#include "common.h"
#include "llama.h"

// llama_process of ``tokens`` tokens with the threads that were asked for; 2 when it was stopped in between. ``draft``,
// null where nothing is guessed by a model, is computed with as many threads from then on.
int32_t heft_process(llama_context * ctx, llama_context * draft, llama_batch_ext * batch, size_t tokens);

// How many tokens of a prompt are read at a time: llama_n_batch, or fewer so that one step takes about two seconds.
int32_t heft_n_batch(const llama_context * ctx);
