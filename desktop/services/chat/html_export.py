"""A chat as one page of HTML: formatted as in the window, formulas as pictures in it, nothing loaded from anywhere."""

from __future__ import annotations

import datetime
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

from desktop.core.attachments import Attachment
from desktop.core.formula import Outline
from desktop.core.markdown import (
    Block,
    CodeBlock,
    Heading,
    ListBlock,
    ListItem,
    Paragraph,
    Quote,
    Rule,
    Run,
    Runs,
    Table,
    join_parts,
    judge_link,
    latex_of,
    parse,
)
from desktop.core.tool_calls import ToolCall, passages
from desktop.store.chats import Chat, Message

Typeset = Callable[[str, bool], Outline | None]  # LaTeX, whether on a line of its own
_EM = 1.12  # as in the window: the letters of the formulas' font are smaller

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
article { margin: 1.4rem 0; } article.user { background: var(--soft); padding: .4rem 1rem; border-radius: .6rem; }
article > h2 { font-size: .85rem; opacity: .7; margin: .3rem 0; }
pre { background: var(--soft); padding: .8rem; border-radius: .5rem; overflow-x: auto; }
code { font-family: ui-monospace, monospace; font-size: .9em; } .typed { white-space: pre-wrap; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
td, th { border: 1px solid var(--line); padding: .3rem .6rem; text-align: start; }
blockquote, details { border-inline-start: 3px solid var(--line); margin-inline: 0; padding-inline-start: 1rem; }
article > img { max-width: 100%; height: auto; border-radius: .4rem; }
svg { fill: currentColor; overflow: visible; }
.display { display: block; text-align: center; overflow-x: auto; padding: .3em 0; }
.remark { opacity: .7; font-size: .85rem; }
"""


def to_html(
    chat: Chat,
    branch: Iterable[Message],
    typeset: Typeset,
    read: Callable[[Attachment], bytes],
    *,
    reasoning: bool = False,
) -> str:
    """The branch to read. What a model wrote is text, never HTML; ``reasoning`` goes into a fold before its answer.
    ``read`` gives the bytes of what is attached: pictures are in the page, other files by their names.
    """
    title = " ".join(chat.title.split()) or "Chat"
    when = datetime.datetime.fromtimestamp(chat.created, tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = " · ".join(filter(None, [chat.model and f"Model: {chat.model}", when]))
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="remark">{escape(about)}</p>']
    if chat.system_prompt:
        parts.append(f'<h2>System prompt</h2><p class="typed">{escape(chat.system_prompt)}</p>')
    parts += [_message(message, typeset, read, reasoning=reasoning) for message in branch]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html>\n<html><head>{head}</head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"


def _message(message: Message, typeset: Typeset, read: Callable[[Attachment], bytes], *, reasoning: bool) -> str:
    if message.role == "user":
        files = "".join(_attached(file, read) for file in message.attachments)
        typed = f'<div class="typed" dir="auto">{escape(message.content)}</div>'
        return f'<article class="user"><h2>You</h2>{files}{typed}</article>'
    parts = [f'<article class="assistant"><h2>{escape(message.model or "Assistant")}</h2>']
    if reasoning and message.reasoning:
        parts.append(f"<details><summary>Reasoning</summary>{_blocks(parse(message.reasoning), typeset)}</details>")
    for passage in passages(message.content, "", message.tool_calls):
        parts.append(_blocks(parse(passage.text), typeset))
        parts += [_called(call) for call in passage.calls]
    if message.note:
        parts.append(f'<p class="remark">{escape(message.note)}</p>')
    return "".join([*parts, "</article>"])


def _attached(file: Attachment, read: Callable[[Attachment], bytes]) -> str:
    name = escape(file.name, quote=True)
    if file.kind != "image":
        return f'<p class="remark">Attached: {name}</p>'
    data = b64encode(read(file)).decode()
    size = f'width="{file.width}" height="{file.height}"'
    return f'<img alt="{name}" title="{name}" {size} src="data:{escape(file.media_type, quote=True)};base64,{data}">'


def _called(call: ToolCall) -> str:
    """A tool in a fold: its arguments, and what came of it."""
    told = "".join(f"<pre><code>{escape(text)}</code></pre>" for text in (call.arguments, call.result) if text)
    ended = "" if call.state == "done" else f" ({call.state})"
    return f"<details><summary>{escape(call.title + ended)}</summary>{told}</details>"


def _blocks(blocks: Sequence[Block], typeset: Typeset) -> str:
    return "\n".join(_block(block, typeset) for block in join_parts(blocks))


def _block(block: Block, typeset: Typeset) -> str:
    match block:
        case Paragraph(runs=runs):
            return f'<p dir="auto">{_runs(runs, typeset)}</p>'
        case Heading(level=level, runs=runs):
            return f'<h{level} dir="auto">{_runs(runs, typeset)}</h{level}>'
        case CodeBlock(language=language, text=text):
            return f'<pre><code class="language-{escape(language, quote=True)}">{escape(text)}</code></pre>'
        case Quote(blocks=blocks):
            return f'<blockquote dir="auto">{_blocks(blocks, typeset)}</blockquote>'
        case Rule():
            return "<hr>"
        case Table():
            return _table(block, typeset)
        case ListBlock(ordered=ordered, start=start, items=items):
            listed = "".join(f"<li>{_mark(item)}{_blocks(item.blocks, typeset)}</li>" for item in items)
            return f'<ol start="{start}" dir="auto">{listed}</ol>' if ordered else f'<ul dir="auto">{listed}</ul>'
    return ""


def _mark(item: ListItem) -> str:
    return "" if item.checked is None else "☑ " if item.checked else "☐ "


def _table(table: Table, typeset: Typeset) -> str:
    def row(cells: Sequence[Runs], tag: str) -> Iterator[str]:
        yield "<tr>"
        for cell, alignment in zip(cells, table.alignments, strict=True):
            side = "" if alignment == "left" else f' style="text-align:{alignment}"'
            yield f'<{tag}{side} dir="auto">{_runs(cell, typeset)}</{tag}>'
        yield "</tr>"

    rows = "".join("".join(row(cells, "td")) for cells in table.rows)
    return f'<div class="wide"><table>{"".join(row(table.header, "th"))}{rows}</table></div>'


def _runs(runs: Runs, typeset: Typeset) -> str:
    return "".join(_run(run, typeset) for run in runs)


def _run(run: Run, typeset: Typeset) -> str:
    text = escape(run.text).replace("\n", "<br>")
    if run.math:
        outline = typeset(*latex_of(run.text))
        text = escape(run.text) if outline is None else _picture(run.text, outline)
        if run.math == "display":
            return f'<span class="display">{text}</span>'
    for tag, wanted in (("code", run.code), ("s", run.strike), ("em", run.italic), ("strong", run.bold)):
        text = f"<{tag}>{text}</{tag}>" if wanted else text
    verdict = judge_link(run.link) if run.link else None
    if verdict is not None and verdict.openable:
        text = f'<a href="{escape(verdict.address, quote=True)}" rel="noreferrer">{text}</a>'
    return text


def _picture(source: str, outline: Outline) -> str:
    """The formula as an image within the text; its source is what is read aloud."""
    points = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
    path, at = [], 0
    for command in outline.commands:
        numbers = outline.numbers[at : at + points[command]]
        at += points[command]
        path.append(command + " ".join(f"{number:g}" for number in numbers))
    high = outline.ascent + outline.descent
    box = f"0 {-outline.ascent:g} {outline.width:g} {high:g}"
    size = f"width:{outline.width * _EM:.3f}em;height:{high * _EM:.3f}em;vertical-align:{-outline.descent * _EM:.3f}em"
    spoken = escape(source, quote=True)
    return f'<svg role="img" aria-label="{spoken}" viewBox="{box}" style="{size}"><path d="{"".join(path)}"/></svg>'
