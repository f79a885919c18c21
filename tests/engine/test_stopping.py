"""What may be shown: whole characters, nothing of a stop string, and all of the rest."""

import random

from desktop.engine.worker.stopping import TextStream


def test_no_half_character_is_ever_shown() -> None:
    text = "naïve 日本語 🌍 e\u0301"
    stream = TextStream()
    shown = [stream.feed(bytes([byte])) for byte in text.encode()]
    assert "\ufffd" not in "".join(shown)
    assert "".join(shown) + stream.finish() == text


def test_a_character_cut_by_the_end_is_marked() -> None:
    stream = TextStream()
    assert stream.feed("é".encode()[:1]) == ""
    assert stream.finish() == "\ufffd"


def test_stop_string_across_tokens_is_not_shown() -> None:
    stream = TextStream(["</answer>"])
    shown = "".join(stream.feed(piece) for piece in [b"42</", b"ans", b"wer> and more"])
    assert stream.stopped
    assert shown + stream.finish() == "42"


def test_earliest_of_several_stop_strings_wins() -> None:
    stream = TextStream(["STOP", "END"])
    assert stream.feed(b"a END b STOP") == "a "
    assert stream.stopped


def test_a_false_start_is_released() -> None:
    stream = TextStream(["\n\nUser:"])
    shown = stream.feed(b"line\n\nUs") + stream.feed(b"ual")
    assert shown + stream.finish() == "line\n\nUsual"
    assert not stream.stopped


def test_any_split_gives_the_same_text() -> None:
    text = "aab aabaab ab aaab 日本 aabx"
    raw = text.encode()
    source = random.Random(5)
    for _ in range(200):
        cuts = sorted(source.sample(range(1, len(raw)), 6))
        stream = TextStream(["aabx"])
        shown = "".join(stream.feed(raw[a:b]) for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True))
        assert shown + stream.finish() == text.removesuffix("aabx")
