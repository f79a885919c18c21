"""Whether a chat template tells its model of tools."""

from __future__ import annotations

import pytest

from desktop.engine.tools.template import HOSTILE
from desktop.engine.tools.template_records import CHATML, Trial
from desktop.engine.tools.template_trial import _tells_of_tools

_TALK = ({"role": "user", "content": "Hello"},)


@pytest.mark.parametrize(
    ("template", "tells"),
    [
        (CHATML, False),
        ("{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{{ messages[0].content }}", True),
        ("{% for t in tools %}{{ t.function.name }}{% endfor %}", True),
        ("{% if tools %}{{ tools[0].no.such.thing }}{% endif %}{{ messages[0].content }}", False),
        ("{# tools #}{{ messages[0].content }}", False),
    ],
)
def test_it_is_found_out_by_asking(template: str, tells: bool) -> None:
    assert _tells_of_tools(Trial(template), _TALK) is tells


def test_a_template_that_attacks_is_no_answer() -> None:
    with pytest.raises(HOSTILE):
        _tells_of_tools(Trial("{{ ''.__class__.__mro__ }}"), _TALK)
