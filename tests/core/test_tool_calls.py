"""Names and calls of tools."""

from __future__ import annotations

from desktop.core.tool_calls import ToolCall, calls_from_json, calls_to_json, kept_with, passages, pretty_json
from desktop.core.tool_names import LONGEST, model_names


def test_a_name_is_its_own_where_it_can_be() -> None:
    assert model_names([("files", "read_file"), ("web", "search")]) == ["read_file", "search"]


def test_names_that_clash_or_are_not_valid() -> None:
    found = model_names([("my files", "read"), ("web", "read"), ("web", "do.it now!"), ("x", "ü"), ("x", "y" * 300)])
    assert found == ["my_files_read", "web_read", "do_it_now", "tool", "y" * LONGEST]
    same = model_names([("a", "r"), ("a", "r"), ("a", "r")])
    assert same == ["a_r", "a_r_2", "a_r_3"]
    long = model_names([("a", "z" * 64 + "1"), ("a", "z" * 64 + "2")])
    assert len(set(long)) == 2 and all(len(name) <= LONGEST for name in long)


def test_an_answer_in_the_order_in_which_it_was_written() -> None:
    one, two = ToolCall("1", "a", at=5, thought=2), ToolCall("2", "b", at=5, thought=2)
    three = ToolCall("3", "c", at=5, thought=4, round=2)
    found = passages("Look.Done.", "hmoh", (one, two, three))
    assert [(piece.text, piece.reasoning, piece.calls) for piece in found] == [
        ("Look.", "hm", (one, two)),
        ("", "oh", (three,)),
        ("Done.", "", ()),
    ]


def test_calls_are_kept_as_text() -> None:
    calls = (ToolCall("1", "a", '{"x": 1}', "files", "read", "done", "text", 0.5, 4, 3, 0, 1, ("a note",)),)
    assert calls_from_json(calls_to_json(calls)) == calls
    assert (calls_to_json(()), calls_from_json(""), calls_from_json("{nonsense")) == ("", (), ())


def test_an_edit_keeps_the_calls_behind_what_is_as_it_was() -> None:
    calls = (ToolCall("1", "a", at=4), ToolCall("2", "b", at=8))
    assert kept_with("one two, three", calls, "one two! three") == calls[:1]


def test_json_in_lines_and_what_is_none_as_it_is() -> None:
    assert pretty_json('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty_json('{"a": ') == '{"a": '
