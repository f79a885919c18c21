"""The syntax of chat templates: Jinja with the tags Transformers adds. Imports jinja2; import this one late."""

from __future__ import annotations

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser

MAX_CHARACTERS = 256 * 1024  # of a template that is examined; the longest one in use has 17,000


class GenerationTag(jinja2.ext.Extension):
    """Transformers' ``{% generation %}`` marks the assistant's text for training; when rendering it is transparent."""

    tags = {"generation"}  # noqa: RUF012  # Jinja's own attribute, read as a set

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """The statements between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


EXTENSIONS: tuple[type[jinja2.ext.Extension], ...] = (jinja2.ext.loopcontrols, GenerationTag)


def parse(source: str) -> jinja2.nodes.Template:
    """The syntax tree; nothing is compiled or run. Raises jinja2.TemplateSyntaxError, RecursionError."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, extensions=EXTENSIONS, autoescape=False)
    return environment.parse(source)


def folded(node: jinja2.nodes.Node) -> str:
    """The text of a literal, also of one put together from parts; "" for anything else."""
    match node:
        case jinja2.nodes.Const(value=str(text)):
            return text
        case jinja2.nodes.TemplateData(data=text):
            return text
        case jinja2.nodes.Add(left=left, right=right):
            return folded(left) + folded(right)
        case jinja2.nodes.Concat(nodes=parts):
            return "".join(folded(part) for part in parts)
    return ""
