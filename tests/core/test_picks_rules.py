"""Which model is picked for what, and that the table of known models agrees with itself."""

from __future__ import annotations

import pytest

from desktop.core.picks import ANSWER_TOKENS, LONG_CONTEXT, RULES, Contender, Role, preferred
from desktop.core.picks_table import KnownModel, known_from_rows
from desktop.services.discover.tables import DataTables

BY_ROLE = {rule.role: rule for rule in RULES}


def test_the_largest_that_is_quick_enough_is_taken() -> None:
    sizes = ((32e9, 3.0), (14e9, 6.0), (8e9, 11.0), (3e9, 25.0), (1e9, 60.0))
    offered = [Contender(70e9, False), *(Contender(parameters, True, rate) for parameters, rate in sizes)]
    first = {role: preferred(rule, offered)[0] for role, rule in BY_ROLE.items()}
    assert first[Role.QUICK] == 4 and first[Role.BALANCED] == 3 and first[Role.BEST] == 2
    assert 0 not in preferred(BY_ROLE[Role.BEST], offered)  # what does not fit is never picked


def test_where_none_is_quick_enough_the_quickest_is_taken() -> None:
    offered = [Contender(8e9, True, 2.0), Contender(3e9, True, 5.0), Contender(1e9, True, 4.0)]
    assert preferred(BY_ROLE[Role.BEST], offered) == [1, 2, 0]
    assert not offered[1].meets(BY_ROLE[Role.BEST])
    assert preferred(BY_ROLE[Role.BEST], [Contender(8e9, False)]) == []


def test_a_document_has_to_be_read_in_time() -> None:
    rule = BY_ROLE[Role.LONG]
    slow, quick = Contender(8e9, True, 9.0, prompt_seconds=1800), Contender(3e9, True, 9.0, prompt_seconds=300)
    assert preferred(rule, [slow, quick]) == [1, 0]
    assert preferred(BY_ROLE[Role.CODING], [slow, quick]) == [0, 1]


def test_where_much_is_read_first_the_closest_is_whose_answer_is_there_first() -> None:
    """Not the one that writes quickest: 32k tokens are read for an hour before it writes a word."""
    writes, reads = Contender(8e9, True, 4.0, prompt_seconds=3600), Contender(3e9, True, 3.0, prompt_seconds=900)
    unknown = Contender(3e9, True, 3.5)
    for role in (Role.LONG, Role.CODING):
        assert preferred(BY_ROLE[role], [writes, reads]) == [1, 0]
        assert preferred(BY_ROLE[role], [unknown, writes, reads]) == [2, 1, 0]
    assert preferred(BY_ROLE[Role.BEST], [writes, reads]) == [0, 1]  # a conversation is read as it goes
    assert reads.waiting_seconds == 900 + ANSWER_TOKENS / 3 and unknown.waiting_seconds is None


MODELS = DataTables().known_models


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_a_row_adds_up(model: KnownModel) -> None:
    """Parameters as published are those of the shape: with the embedding once or twice, within 4%."""
    shape = model.shape
    inside = 0.0
    for layer in shape.layers:
        inside += shape.embedding * layer.key_length * 2 * (layer.heads + layer.kv_heads)
        inside += 3 * shape.embedding * (layer.feed_forward + layer.experts * layer.expert_feed_forward)
    ends = shape.embedding * shape.vocabulary
    nearest = min((inside + ends, inside + 2 * ends), key=lambda count: abs(count - model.parameters))
    assert nearest == pytest.approx(model.parameters, rel=0.04)
    assert ("long" in model.purposes) == (shape.trained_context >= LONG_CONTEXT and "chat" in model.purposes)
    assert model.repo.count("/") == 1 and model.source.startswith("config.json of ") and len(model.listed) == 7


def test_each_role_has_models_and_a_broken_row_is_refused() -> None:
    for rule in RULES:
        assert any(rule.purpose in model.purposes for model in MODELS), rule.role
    row = dict.fromkeys(("name", "repo", "purposes", "architecture", "source", "listed"), "") | {"parameters": "1e9"}
    numbers = dict.fromkeys(
        ("layers", "embedding", "heads", "kv_heads", "head_length", "feed_forward", "vocabulary", "context", "experts",
         "experts_used", "expert_feed_forward", "window", "whole_every"), "1")  # fmt: skip
    with pytest.raises(ValueError, match="without parameters, source or date"):
        known_from_rows([row | numbers])
