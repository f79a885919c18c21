"""Which tools of those that are switched on a chat uses: all, but for what a person took out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

TakenOut = tuple[tuple[str, str], ...]  # a server and a tool of it; "" for the tool: the whole server


def uses(out: Collection[tuple[str, str]], server: str, tool: str = "") -> bool:
    """Whether a chat uses this tool; without a tool, whether it uses anything of the server."""
    return (server, "") not in out and (not tool or (server, tool) not in out)


def switched_server(out: TakenOut, server: str, *, on: bool) -> TakenOut:
    """All of a server, or nothing of it."""
    rest = tuple(one for one in out if one[0] != server)
    return rest if on else (*rest, (server, ""))


def switched_tool(out: TakenOut, server: str, tool: str, known: Sequence[str], *, on: bool) -> TakenOut:
    """One tool of a server, which has the ``known`` ones. Without its last one the whole server is taken out."""
    taken = {name for name in known if not uses(out, server, name)} | {name for owner, name in out if owner == server}
    taken.discard("")
    taken = taken - {tool} if on else taken | {tool}
    if taken.issuperset(known):
        return switched_server(out, server, on=False)
    rest = switched_server(out, server, on=True)
    return (*rest, *((server, name) for name in sorted(taken)))
