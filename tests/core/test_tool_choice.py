"""Which tools a chat uses: all that are on, but for those that were taken out."""

from __future__ import annotations

from desktop.core.tool_choice import TakenOut, switched_server, switched_tool, uses

KNOWN = ("add", "list", "read")


def test_all_are_used_until_some_are_taken_out() -> None:
    assert uses((), "files") and uses((), "files", "add")
    out = switched_tool((), "files", "add", KNOWN, on=False)
    assert not uses(out, "files", "add")
    assert uses(out, "files", "read") and uses(out, "files") and uses(out, "web", "add")
    assert switched_tool(out, "files", "add", KNOWN, on=True) == ()


def test_a_server_is_taken_out_and_comes_back_whole() -> None:
    out = switched_server(switched_tool((), "files", "add", KNOWN, on=False), "files", on=False)
    assert not uses(out, "files") and not uses(out, "files", "read")
    assert switched_server(out, "files", on=True) == ()


def test_without_its_last_tool_the_server_is_taken_out_and_one_tool_brings_it_back() -> None:
    out: TakenOut = (("web", "search"),)
    for tool in KNOWN:
        out = switched_tool(out, "files", tool, KNOWN, on=False)
    assert out == (("web", "search"), ("files", ""))
    out = switched_tool(out, "files", "read", KNOWN, on=True)
    assert uses(out, "files", "read") and not uses(out, "files", "add") and not uses(out, "web", "search")


def test_a_tool_that_is_not_known_any_more_stays_taken_out() -> None:
    out: TakenOut = (("files", "gone"),)
    assert not uses(switched_tool(out, "files", "add", KNOWN, on=False), "files", "gone")
