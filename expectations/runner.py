"""Runs the suites: the only module that touches Great Expectations' machinery.

All files of one document type are judged in one batch, because a validation costs about the same for
one county as for a nation; each row carries the facts of its own city. Fails closed: a check that is
missing from the answer, raised, or saw another number of rows than there are, was not evaluated, and
an incomplete judgement never passes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations import (
    annual_budget,
    interest,
    payer_detail,
    plan,
    report,
    statement,
    subsidy,
    working_capital,
)
from expectations.checks import Check, Facts, Suite
from expectations.form import STATED
from expectations.frame import tie_out_frame, tie_out_rows
from fundpool.domain.findings import Finding, Severity, brief
from fundpool.services.ports.judging import (
    Judgement,
    JudgingContext,
    ParsedDocument,
    Register,
    judgement_of,
    of_each,
)
from schemas.documents import document_type
from schemas.documents.base import DocumentField, DocumentType, Label, Presence

SUITES: dict[str, Suite] = {
    suite.document: suite
    for suite in (
        plan.SUITE,
        report.SUITE,
        payer_detail.SUITE,
        statement.SUITE,
        subsidy.SUITE,
        interest.SUITE,
        working_capital.SUITE,
        annual_budget.BUDGET_SUITE,
        annual_budget.FINAL_SUITE,
    )
}


def judge(
    parsed: Sequence[ParsedDocument], document: str, context: JudgingContext | Sequence[JudgingContext]
) -> list[Judgement]:
    """Judge read files of one document type in one batch; one judgement per file, in order.

    ``context`` is one for all files, or that of each. Raises InputError when there is no such document type.
    """
    return judge_with(SUITES[document_type(document).key], parsed, context)


def judge_with(
    suite: Suite, parsed: Sequence[ParsedDocument], context: JudgingContext | Sequence[JudgingContext]
) -> list[Judgement]:
    """As ``judge``, with the suite given: tests hand in suites that raise or lack a check."""
    contexts = of_each(context, parsed)
    judgements: dict[int, Judgement] = {}
    for places in _comparable(suite, contexts):
        together = [(parsed[place], contexts[place]) for place in places]
        judgements |= zip(places, _judge_together(suite, together), strict=True)
    return [judgements[place] for place in range(len(parsed))]


def _comparable(suite: Suite, contexts: Sequence[JudgingContext]) -> list[list[int]]:
    """Places of the files that can be compared with the same kinds of facts: the same checks apply."""
    needed = {check.needs for check in suite.checks if check.needs is not None}
    groups: dict[frozenset[str], list[int]] = {}
    for place, context in enumerate(contexts):
        known = frozenset(fact for fact in needed if context.fact(fact) is not None)
        groups.setdefault(known, []).append(place)
    return list(groups.values())


def _judge_together(suite: Suite, files: Sequence[tuple[ParsedDocument, JudgingContext]]) -> list[Judgement]:
    """The judgements of files to which the same checks apply.

    When a check could not be evaluated, each city's files are judged once more without the others':
    what one city filed never keeps another from its answer.
    """
    document, (_, any_context) = document_type(suite.document), files[0]
    checks = [c for c in suite.checks if c.needs is None or any_context.fact(c.needs) is not None]
    rows = tie_out_rows([file for file, _ in files], document, suite, [context for _, context in files])
    failed = _validate(checks, rows, suite) if rows else {}
    unevaluated = [check for number, check in enumerate(checks) if failed.get(number) is None]
    cities = _by_city(files)
    if rows and unevaluated and len(cities) > 1:
        alone = {
            place: judgement
            for places in cities
            for place, judgement in zip(
                places, _judge_together(suite, [files[place] for place in places]), strict=True
            )
        }
        return [alone[place] for place in range(len(files))]
    findings: dict[int, list[Finding]] = {number: [] for number in range(len(files))}
    for number, indexes in failed.items():
        for index in indexes or ():
            row = rows[index]
            file, context = files[row["file"]]
            findings[row["file"]].extend(_findings(checks[number], row, file, document, context.register))
    absent = tuple(
        (check.code, f"没有对照数据 / nothing to compare with: {check.needs}")
        for check in suite.checks
        if check not in checks
    )
    return [
        _judgement(file, findings[number], unevaluated, checks, absent, document)
        for number, (file, _) in enumerate(files)
    ]


def _by_city(files: Sequence[tuple[ParsedDocument, JudgingContext]]) -> list[list[int]]:
    """Places of the files that share a context, which is what a city's files do."""
    cities: dict[int, list[int]] = {}
    for place, (_, context) in enumerate(files):
        cities.setdefault(id(context), []).append(place)
    return list(cities.values())


def _judgement(
    file: ParsedDocument,
    findings: list[Finding],
    unevaluated: Sequence[Check],
    checks: Sequence[Check],
    absent: tuple[tuple[str, str], ...],
    document: DocumentType,
) -> Judgement:
    judged = file.readable and bool(file.lines)
    not_run = [_not_run(check) for check in unevaluated] if judged else []
    return judgement_of(
        file,
        [*file.findings, *_not_said_twice(file.findings, findings), *not_run],
        declared=len(checks),
        evaluated=len(checks) - len(unevaluated) if judged else 0,
        not_applicable=absent,
        totals=_totals(file, document),
    )


def _totals(file: ParsedDocument, document: DocumentType) -> dict[str, int | None]:
    """Σ of the total's column per fund; None where a row's amount is not known."""
    is_optional = document.field_of(document.total_field).presence is Presence.OPTIONAL
    totals: dict[str, int | None] = {}
    for line in file.lines:
        amount = line.amounts_fen.get(document.total_field)
        if line.fund is not None and not (is_optional and amount is None):
            before = totals.get(line.fund, 0)
            totals[line.fund] = None if amount is None or before is None else before + amount
    return totals


def _not_said_twice(reader: Sequence[Finding], suite: Sequence[Finding]) -> list[Finding]:
    """Findings of the suite, without “blank” where the reader already said why the cell has no value."""
    said = {finding.cell for finding in reader if finding.severity is Severity.BLOCK and finding.cell}
    return [finding for finding in suite if finding.cell not in said or finding.expected != STATED]


def _not_run(check: Check) -> Finding:
    return Finding(
        rule=check.code,
        severity=Severity.REVIEW,
        message_zh=f"检查“{check.title_zh}”未能执行，须人工核对",
        message_en=f"check “{check.title_en}” could not be run; a person must look",
        basis="检查未执行即不作通过 / what was not checked has not passed",
        remedy="报告系统管理员 / tell the administrator",
    )


# --- Great Expectations -------------------------------------------------------------------------


@cache
def _batches() -> BatchDefinition[Any]:
    """Where frames are handed in: an ephemeral context, nothing on disk, no progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("documents").add_dataframe_asset("tie_out")
    return asset.add_batch_definition_whole_dataframe("whole")


def _validate(
    checks: Sequence[Check], rows: Sequence[Mapping[str, Any]], suite: Suite
) -> dict[int, list[int] | None]:
    """Per check (by place): the indexes of the rows that fail it; None or absent = it was not evaluated."""
    try:
        return evaluate(checks, tie_out_frame(rows, document_type(suite.document), suite), suite)
    except Exception:  # noqa: BLE001 - whatever broke, nothing was evaluated: every file goes to a person
        return {}


def evaluate(checks: Sequence[Check], frame: pd.DataFrame, suite: Suite) -> dict[int, list[int] | None]:
    """As ``_validate``, of a frame; raises what Great Expectations raises."""
    expected = gx.ExpectationSuite(
        name=suite.document,
        expectations=[check.expectation(number) for number, check in enumerate(checks)],
    )
    batch = _batches().get_batch(batch_parameters={"dataframe": frame})
    answer = batch.validate(
        expected, result_format={"result_format": "COMPLETE", "partial_unexpected_count": 0}
    )
    failed: dict[int, list[int] | None] = {}
    for result in answer.results:
        config = result.expectation_config
        number = None if config is None or config.meta is None else config.meta.get("check")
        if isinstance(number, int):
            failed[number] = _failed_rows(result, len(frame))
    return failed


def _failed_rows(result: ExpectationValidationResult, rows: int) -> list[int] | None:
    details = result.result or {}
    raised = (result.exception_info or {}).get("raised_exception", True)
    if raised or result.success is None or details.get("element_count") != rows:
        return None  # a missing column gives exception_info another shape; both end here
    indexes = details.get("unexpected_index_list")
    if indexes is None or (not result.success) != bool(indexes):
        return None
    return [int(index) for index in indexes]


def _findings(
    check: Check, facts: Facts, file: ParsedDocument, document: DocumentType, register: Register
) -> list[Finding]:
    line = file.lines[facts["line"]]
    county = register.by_code(line.county) if line.county else None
    fund_key = line.fund if check.fund is None else facts[check.fund]
    fund = register.fund(fund_key) if fund_key else None
    labels: dict[str, DocumentField | Label] = {field.key: field for field in document.fields}
    labels |= {label.key: label for label in document.labels}
    told: list[Finding] = []
    for field in check.at(facts):
        found, expected = brief(check.found(facts, field)), brief(check.expected(facts, field))
        plain = field.removeprefix("control_")
        of_the_row = field == plain and field in line.cells
        sides = {"found": "空 / blank" if found is None else found, "expected": expected or ""}
        zh = {
            "county": county.name_zh if county else "",
            "fund": fund.short_zh if fund else "",
            "field": labels[plain].zh,
        }
        en = {
            "county": (county.name_en or county.name_zh) if county else "",
            "fund": fund_key or "",
            "field": labels[plain].en,
        }
        cell = (
            file.control_cells.get(plain)
            if field != plain
            else line.cells.get(field, file.label_cells.get(field))
        )
        told.append(
            Finding(
                rule=check.code,
                severity=check.severity,
                message_zh=check.message_zh.format(**sides, **zh),
                message_en=check.message_en.format(**sides, **en),
                sheet=line.sheet,
                cell=cell,
                row=line.row if of_the_row else None,
                # What is wrong with the whole file is no one row's: a total, a signature.
                county=line.county if of_the_row or len(file.counties) == 1 else None,
                fund=fund_key if of_the_row else None,
                found=found,
                expected=expected,
                remedy=check.remedy,
                basis=check.basis,
            )
        )
    return told
