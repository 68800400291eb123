"""The verdict of a file: one blocking finding returns it, an incomplete judgement never passes."""

import pytest

from fundpool.domain.findings import Finding, Severity, Verdict, verdict_of


def finding(severity: Severity) -> Finding:
    return Finding(rule="T-1", severity=severity, message_zh="测试", message_en="test")


@pytest.mark.parametrize(
    ("severities", "complete", "expected"),
    [
        ([], True, Verdict.PASS),
        ([Severity.NOTE], True, Verdict.PASS),
        ([], False, Verdict.REVIEW),
        ([Severity.NOTE, Severity.REVIEW], True, Verdict.REVIEW),
        ([Severity.REVIEW, Severity.BLOCK], True, Verdict.RETURN),
        ([Severity.BLOCK], False, Verdict.RETURN),
    ],
)
def test_the_gravest_finding_decides(severities: list[Severity], complete: bool, expected: Verdict) -> None:
    assert verdict_of([finding(severity) for severity in severities], complete=complete) is expected
