"""packaging/licences.py: the words of a licence, taken out of the file they stand in."""

from __future__ import annotations

import pytest
from licences import passage

C_COMMENT = "/* A header.\n\n   Free to use,\n   as it is.\n*/\nint code;\n"
SLASHES = "// A header\n// Copyright 2024 Somebody\n//\n// Free to use.\n\nint code;\n"


@pytest.mark.parametrize(
    ("source", "begins", "licence"),
    [
        ("MIT\n", "", "MIT\n"),
        (C_COMMENT, "Free to use", "Free to use,\nas it is.\n"),
        (SLASHES, "Copyright", "Copyright 2024 Somebody\n\nFree to use.\n"),
        ("#####\n# Copyright\n# Free.\n\ncode\n", "Copyright", "Copyright\nFree.\n"),
    ],
)
def test_a_licence_is_what_its_comment_says(source: str, begins: str, licence: str) -> None:
    assert passage(source, begins) == licence


def test_a_licence_that_is_not_where_it_was_ends_the_build() -> None:
    with pytest.raises(StopIteration):
        passage("int code;\n", "Copyright")
