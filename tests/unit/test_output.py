"""What people wrote stands in a table as they wrote it."""

import pytest

from fundpool.console.output import print_table


def test_brackets_and_colons_in_a_text_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["[red]三月[/red]", "县局[2026]12号", ":warning:", "[/]"]
    print_table("[附]", ["[列]"], [[text] for text in texts])
    printed = capsys.readouterr().out
    assert all(text in printed for text in [*texts, "[附]", "[列]"])
