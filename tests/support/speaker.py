"""Models that say exactly what is chosen, through the real engine: files of a megabyte, made in a moment.

Each token alone decides the next one: whatever the prompt ends with leads to the first piece of the script, each piece
to the one after it, the last to the end token. So a second turn says it again, and an answer that is continued goes on
where it was cut. The vocabulary has a token per byte, one per piece, and the control tokens that are named. A model may
know further scripts, each begun by a bias for its first token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from desktop.engine.api import Sampling

Script = Sequence[str | bytes]
GREEDY = Sampling(temperature=0.0)
BOS, EOS = "<s>", "<|speaker_ends|>"
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4  # include/llama.h, llama_token_type
_WIDTH = 256
# A script's next token has a logit of 16 to 32; the first of a later script has less, until it is asked for
_LATER, _BIAS = 0.75, 12.0
_CONTEXT = 16384
# names of control tokens in templates: <|im_end|>, <｜User｜>, <turn|>, <start_of_turn>, [INST], ◁think▷
_NAMES = re.compile(r"<[|｜]?[\w▁/:]{1,40}[|｜]?>|\[/?[A-Z_]{3,30}\]|◁/?\w+▷")
_PROMPTS_END = ("assistant",)  # beside tags and white space
_WORD = re.compile(r"\s*\S+(?:\s+$)?")


def _byte_names() -> dict[int, str]:
    """How GPT-2's vocabulary writes each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + at) for at, byte in enumerate(hidden)}


_BYTES = _byte_names()


def control_names(template: str) -> list[str]:
    """What looks like a control token in a template, as its vocabulary would have it."""
    return list(dict.fromkeys(_NAMES.findall(template)))


def parts(text: str, controls: Sequence[str]) -> list[str]:
    """A text in parts for a script: names of control tokens apart from words."""
    names = [name for name in sorted(controls, key=len, reverse=True) if name]
    return [part for part in re.split(f"({'|'.join(map(re.escape, names))})", text) if part] if names else [text]


def speaker(
    path: Path,
    script: Script,
    *others: Script,
    template: str = "",
    controls: Sequence[str] = (),
    spelled: Sequence[str] = (),
    ends: bool | str = True,
    words: Sequence[str] = (),
    context: int = _CONTEXT,
) -> list[Sampling]:
    """Write the model. A text of a script that is the name of a control token is that token; any other is said in
    words, bytes byte by byte. A token is in one place of one script only: where a control token comes again, its name
    is said in letters, and so are those ``spelled``, with which prompts end.

    ``ends``: with the vocabulary's end token, with this one, or never. ``words`` are tokens of their own wherever they
    stand, which makes long prompts short; ``context`` is what it was trained for, in tokens. Returned is how to ask for
    each script.
    """
    tokens = [_BYTES[byte] for byte in range(256)] + [BOS, EOS]
    kinds = [_NORMAL] * 256 + [_CONTROL] * 2
    for name in controls:
        if name not in tokens:
            tokens.append(name)
            kinds.append(_CONTROL)
    special = set(tokens[256:]) - set(spelled)
    tokens += words
    kinds += [_USER_DEFINED] * len(words)
    chains = [_chain(each, tokens, kinds, special) for each in (script, *others)]
    used = [token for chain in chains for token in chain]
    assert len(set(used)) == len(used), "a token leads to one other only"
    _write(
        path, tokens, kinds, chains, template, tokens.index(EOS if ends is True else ends) if ends else None, context
    )
    return [GREEDY, *(_asking_for(tokens[chain[0]]) for chain in chains[1:])]


def _asking_for(first: str) -> Sampling:
    return Sampling(temperature=0.0, logit_bias=((first, _BIAS),))


def _chain(script: Script, tokens: list[str], kinds: list[int], special: set[str]) -> list[int]:
    chain: list[int] = []
    text = ""

    def say() -> None:
        nonlocal text
        for piece in _pieces(text, tokens):
            if piece in tokens:
                chain.extend(piece.encode())
            else:
                chain.append(len(tokens))
                tokens.append(piece)
                kinds.append(_USER_DEFINED)
        text = ""

    for part in script:
        if isinstance(part, str) and (part not in special or tokens.index(part) in chain):
            text += part
            continue
        say()
        chain.extend([tokens.index(part)] if isinstance(part, str) else part)
    say()
    return chain


def _pieces(text: str, taken: Sequence[str]) -> Iterator[str]:
    """The text in pieces that are no token yet, words mostly."""
    used = {*taken, *_PROMPTS_END}
    pending = ""
    assert text.strip() or not text, "prompts end with white space too"
    for word in _WORD.findall(text):
        pending += word
        if len(pending) > 1 and pending not in used:
            used.add(pending)
            yield pending
            pending = ""
    if pending:
        yield pending


def _write(
    path: Path,
    tokens: list[str],
    kinds: list[int],
    chains: list[list[int]],
    template: str,
    end: int | None,
    context: int,
) -> None:
    states = 1 + sum(map(len, chains))
    width = _WIDTH * -(-states // _WIDTH)
    size = len(tokens)
    embedding, output = np.zeros((size, width), np.float32), np.zeros((size, width), np.float32)
    embedding[:, 0] = 1.0  # of every token that is no part of a script
    at = 0
    for number, chain in enumerate(chains):
        output[chain[0], 0] = 1.0 if number == 0 else _LATER
        for token, after in zip(chain, [*chain[1:], chain[0] if end is None else end], strict=True):
            at += 1
            embedding[token] = 0.0
            embedding[token, at] = 1.0
            output[after, at] = 1.0
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Speaker")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width)
    writer.add_head_count(4)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ā ā"])  # of two bytes that no text has; there must be one
    writer.add_bos_token_id(tokens.index(BOS))
    writer.add_eos_token_id(tokens.index(EOS))
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)
    shapes = {
        "attn_q": (width, width), "attn_k": (width // 4, width), "attn_v": (width // 4, width),
        "attn_output": (width, width), "ffn_gate": (width, width), "ffn_up": (width, width), "ffn_down": (width, width),
    }  # fmt: skip
    weights: dict[str, npt.NDArray[np.float32]] = {
        "token_embd.weight": embedding,
        "output.weight": output,
        "output_norm.weight": np.ones(width, np.float32),
        **{f"blk.0.{name}.weight": np.zeros(shape, np.float32) for name, shape in shapes.items()},
        **{f"blk.0.{name}.weight": np.ones(width, np.float32) for name in ("attn_norm", "ffn_norm")},
    }
    for name, data in weights.items():
        writer.add_tensor(name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
