"""How a finding is worded."""

from desktop.core.findings import Finding


def test_the_byte_is_said_once() -> None:
    assert Finding("error", "It ends.").placed == "It ends."
    assert Finding("error", "It ends.", offset=1234).placed == "It ends. (byte 1,234)"
    assert Finding("error", "It ends at byte 1,234.", offset=1234).placed == "It ends at byte 1,234."
