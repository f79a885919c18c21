"""The chat templates of a model file: their texts, an example rendered with them, and how they differ from others."""

from __future__ import annotations

from desktop.core.findings import Finding
from desktop.core.words import tr
from desktop.services.inspect.inspected import Inspected, InspectedFile

MAX_TEMPLATES = 20  # of one file; the most known are three
_MAX_TEMPLATE_BYTES = 4 << 20
_EXAMPLE_SECONDS = 10.0
_CHATML_INSTEAD = "Chat uses ChatML instead, so answers may be odd; look for a file with a mended template."
_NO_CHAT = "Chat does not work with this model; look for a file with a mended template."


def templates_of(file: InspectedFile) -> list[tuple[str, str]]:
    """Name and text of each chat template of a file; the name is "" for the one in general use."""
    prefix = "tokenizer.chat_template"
    keys = [key for key in file.header.metadata if key == prefix or key.startswith(f"{prefix}.")]
    named = [(key.removeprefix(prefix).removeprefix("."), key) for key in keys[:MAX_TEMPLATES]]
    return [(name, text) for name, key in named if (text := file.header.text(key, _MAX_TEMPLATE_BYTES))]


def rendered(inspected: Inspected) -> list[Finding]:
    """What an example conversation says of the templates of a model."""
    templates = templates_of(inspected.files[0])
    if not templates:
        return []
    from desktop.engine.api import ChatMessage
    from desktop.engine.tools.renderer import Renderer
    from desktop.engine.tools.template_records import RenderRequest

    renderer = Renderer(_EXAMPLE_SECONDS)
    found = []
    try:
        for name, template in templates:
            example = (
                ChatMessage("user", "Hello"),
                ChatMessage("assistant", "Hi"),
                ChatMessage("user", "Bye"),
            )
            result = renderer.render(RenderRequest(template, example, "<s>", "</s>"))
            if result.error:
                where = f"Template '{name}': " if name else ""
                found.append(
                    Finding(
                        "warning",
                        f"{where}{result.error}",
                        tr("An example conversation of three messages was rendered with it, within limits."),
                        _CHATML_INSTEAD if result.harmless else _NO_CHAT,
                        about="template",
                    )
                )
    finally:
        renderer.close()
    return found


def compared(inspected: Inspected, base: Inspected) -> list[Finding]:
    """How the templates differ from those of the model it was made from."""
    from desktop.core.template_checks import compare_with_base

    theirs = dict(templates_of(base.files[0]))
    return [
        marked.finding
        for name, template in templates_of(inspected.files[0])
        if name in theirs
        for marked in compare_with_base(template, theirs[name])
    ]
