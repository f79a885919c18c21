""" "~" before a figure is explained below the table, where one is shown; and a repo of one variant has no chart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from support.discover_page import SMALL, Made
from support.hub_server import HubServer
from support.remote_models import QWEN3_8B, repo

from desktop.core.choice import Option
from desktop.core.placement import Method
from desktop.core.speed import Rate, Speeds
from desktop.services.discover.picker_records import View
from desktop.ui.discover.variant_model import MEMORY, SPEED

MEMORY_RULE = "~ before memory: by formulas, not by the engine's own plan"
SPEED_RULE = "~ before a speed: it may be off by more than 30%"
SURE, WIDE = Rate(9.0, 10.0, 11.0), Rate(5.0, 10.0, 15.0)


def with_figures(view: View, method: Method, rate: Rate | None) -> View:
    """The view with all figures obtained like this."""

    def other(option: Option) -> Option:
        assert option.fit is not None
        speeds = Speeds(rate, rate, 4096) if rate is not None else None
        return replace(option, fit=replace(option.fit, method=method), speeds=speeds)

    return replace(view, rows=tuple(replace(row, option=other(row.option)) for row in view.rows))


@pytest.mark.parametrize(
    ("method", "rate", "said"),
    [
        ("estimate", None, MEMORY_RULE),
        ("engine", WIDE, SPEED_RULE),
        ("estimate", WIDE, f"{MEMORY_RULE} · {SPEED_RULE}"),
        ("engine", SURE, ""),
        ("engine", None, ""),
    ],
)
def test_a_tilde_is_explained_where_one_is_shown(made: Made, method: Method, rate: Rate | None, said: str) -> None:
    made.open(0)
    view = made.page._repo.view
    assert view is not None
    made.page._repo.show_view(with_figures(view, method, rate))
    legend = made.find(QLabel, "variantLegend")
    cells = [cell for row in range(made.table.model().rowCount()) for cell in made.cells(row)]
    assert any(cell.startswith("~") for cell in cells) == bool(said) == legend.isVisible()
    assert legend.text() == said
    tips = [made.table.model().headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
            for column in (MEMORY, SPEED)]  # fmt: skip
    assert MEMORY_RULE in tips[0] and SPEED_RULE in tips[1]


def test_a_single_variant_has_no_chart(made: Made, hub: HubServer, vocab_dir: Path) -> None:
    made.open(0)
    assert made.chart.isVisible()
    hub.add(repo(SMALL, QWEN3_8B, ("Q4_K_M",), vocab_dir / "ggml-vocab-llama-spm.gguf", 8.19e9, trendingScore=99))
    made.page.search_for(f"hf:{SMALL}")
    made.wait(lambda: made.table.isVisible() and made.table.model().rowCount() == 1)
    assert not made.chart.isVisible()
    made.wait(lambda: "Why Q4_K_M." in made.text("repoWhy"))
    made.page.search_for("hf:Qwen/Qwen3-14B-GGUF")
    made.wait(lambda: made.table.model().rowCount() == 2)
    assert made.chart.isVisible()
