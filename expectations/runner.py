"""Runs the suites: the only module that touches Great Expectations' machinery.

All files of one document type are judged in one batch, because a validation costs about the same for
one county as for a nation; each row carries the facts of its own city. Fails closed: a check that is
missing from the answer, raised, or saw another number of rows than there are, was not evaluated, and
an incomplete judgement never passes.
"""

from collections.abc import Collection, Sequence
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
from expectations.checks import Check, Facts, Suite, WrongCell
from expectations.form import STATED
from expectations.frame import tie_out_frame
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
from schemas.documents.base import DocumentField, DocumentType, Label

SUITES: dict[str, Suite] = {
    suite.document.key: suite
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
    # Files for which the same facts are known are judged together, because the same checks apply to them.
    groups: dict[frozenset[str], list[int]] = {}
    for place, own in enumerate(contexts):
        known = frozenset(fact for fact in suite.needed if fact in own.facts)
        groups.setdefault(known, []).append(place)
    judgements: dict[int, Judgement] = {}
    for known, places in groups.items():
        checks = [check for check in suite.checks if check.needs is None or check.needs in known]
        batch = _judge_batch(
            suite, checks, [parsed[place] for place in places], contexts=[contexts[place] for place in places]
        )
        judgements |= zip(places, batch, strict=True)
    return [judgements[place] for place in range(len(parsed))]


def _judge_batch(
    suite: Suite,
    checks: Sequence[Check],
    files: Sequence[ParsedDocument],
    *,
    contexts: Sequence[JudgingContext],
) -> list[Judgement]:
    """The judgements of files to which the same checks apply.

    When a check could not be evaluated, each city's files are judged once more without the others':
    what one city filed never keeps another from its answer.
    """
    frame, failing = _failing(suite, checks, files, contexts=contexts)
    places_of_city: dict[int, list[int]] = {}
    for place, context in enumerate(contexts):
        places_of_city.setdefault(id(context), []).append(place)
    if len(frame) and len(failing) < len(checks) and len(places_of_city) > 1:
        judgements: dict[int, Judgement] = {}
        for places in places_of_city.values():
            own_files, own_contexts = (
                [files[place] for place in places],
                [contexts[place] for place in places],
            )
            judgements |= zip(
                places, _judge_batch(suite, checks, own_files, contexts=own_contexts), strict=True
            )
        return [judgements[place] for place in range(len(files))]
    findings: list[list[Finding]] = [[] for _ in files]
    facts = _facts_of_rows(frame, {index for indexes in failing.values() for index in indexes}, files)
    for check in checks:
        indexes = failing.get(check.code)
        for cell in check.wrong_cells(frame.loc[indexes], facts) if indexes else ():
            place = cell.facts["file"]
            findings[place].append(
                _finding(
                    check, cell, files[place], document=suite.document, register=contexts[place].register
                )
            )
    return [
        _judgement(suite, checks, failing.keys(), file=file, findings=found)
        for file, found in zip(files, findings, strict=True)
    ]


def _failing(
    suite: Suite,
    checks: Sequence[Check],
    files: Sequence[ParsedDocument],
    *,
    contexts: Sequence[JudgingContext],
) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """The tie-out frame and its ``failing_rows``; the latter empty if anything broke or there are no rows."""
    frame = pd.DataFrame(index=range(sum(len(file.lines) for file in files if file.readable)))
    try:
        if len(frame):
            frame = tie_out_frame(files, contexts, suite)
            return frame, failing_rows(checks, frame)
    except Exception:  # noqa: BLE001, S110 - whatever broke, nothing was evaluated: every file goes to a person
        pass
    return frame, {}


def _facts_of_rows(
    frame: pd.DataFrame, indexes: set[int], files: Sequence[ParsedDocument]
) -> dict[int, Facts]:
    """The rows with these indexes as plain values, with the text of their cells."""
    rows = frame.loc[sorted(indexes)]
    records: list[Any] = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return {
        index: record | {"raw": files[record["file"]].lines[record["line"]].raw}
        for index, record in zip(sorted(indexes), records, strict=True)
    }


def _judgement(
    suite: Suite,
    checks: Sequence[Check],
    evaluated: Collection[str],
    *,
    file: ParsedDocument,
    findings: Sequence[Finding],
) -> Judgement:
    judged = file.readable and bool(file.lines)
    # A blank cell is not reported again where the reader already has a finding on it.
    reported = {found.cell for found in file.findings if found.severity is Severity.BLOCK and found.cell}
    new = [found for found in findings if found.cell not in reported or found.expected != STATED]
    not_run = [_not_run(check) for check in checks if judged and check.code not in evaluated]
    codes = {check.code for check in checks}
    return judgement_of(
        file,
        [*file.findings, *new, *not_run],
        declared=len(checks),
        evaluated=len(checks) - len(not_run) if judged else 0,
        not_applicable=tuple(
            (check.code, f"没有对照数据 / nothing to compare with: {check.needs}")
            for check in suite.checks
            if check.code not in codes
        ),
        totals=_totals(file, suite.document),
    )


def _totals(file: ParsedDocument, document: DocumentType) -> dict[str, int | None]:
    """Σ of the total's column per fund in fen; None where a row's amount is not known."""
    is_optional = document.field_of(document.total_field).is_optional
    totals: dict[str, int | None] = {}
    for line in file.lines:
        amount = line.amounts_fen.get(document.total_field)
        if line.fund is not None and not (is_optional and amount is None):
            before = totals.get(line.fund, 0)
            totals[line.fund] = None if amount is None or before is None else before + amount
    return totals


def _not_run(check: Check) -> Finding:
    return Finding(
        rule=check.code,
        severity=Severity.REVIEW,
        message_zh=f"检查“{check.title_zh}”未能执行，须人工核对",
        message_en=f"check “{check.title_en}” could not be run; a person must look",
        basis="检查未执行即不作通过 / what was not checked has not passed",
        remedy="报告系统管理员 / tell the administrator",
    )


def _finding(
    check: Check, cell: WrongCell, file: ParsedDocument, *, document: DocumentType, register: Register
) -> Finding:
    line = file.lines[cell.facts["line"]]
    county = register.by_code(line.county) if line.county else None
    fund_key = cell.facts[check.fund_column]
    fund = register.fund(fund_key) if fund_key else None
    found, expected = brief(cell.found), brief(cell.expected)
    name = cell.field.removeprefix("control_")
    in_the_row = cell.field == name and name in line.cells
    if cell.field != name:
        address = file.control_cells.get(name)
    else:
        address = line.cells.get(name, file.label_cells.get(name))
    labels: dict[str, DocumentField | Label] = {field.key: field for field in document.fields}
    label = (labels | {label.key: label for label in document.labels})[name]
    sides = {"found": "空 / blank" if found is None else found, "expected": expected or ""}
    return Finding(
        rule=check.code,
        severity=check.severity,
        message_zh=check.message_zh.format(
            **sides,
            county=county.name_zh if county else "",
            fund=fund.short_zh if fund else "",
            field=label.zh,
        ),
        message_en=check.message_en.format(
            **sides,
            county=(county.name_en or county.name_zh) if county else "",
            fund=fund_key or "",
            field=label.en,
        ),
        sheet=line.sheet,
        cell=address,
        row=line.row if in_the_row else None,
        # A total or a signature belongs to the whole file: to its county if it has one only, to no fund.
        county=line.county if in_the_row or len(file.counties) == 1 else None,
        fund=fund_key if in_the_row else None,
        found=found,
        expected=expected,
        remedy=check.remedy,
        basis=check.basis,
    )


# --- Great Expectations -------------------------------------------------------------------------


@cache
def _batches() -> BatchDefinition[Any]:
    """Where frames are handed in: an ephemeral context, nothing on disk, no progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("documents").add_dataframe_asset("tie_out")
    return asset.add_batch_definition_whole_dataframe("whole")


def failing_rows(checks: Sequence[Check], frame: pd.DataFrame) -> dict[str, list[int]]:
    """The indexes of the rows that fail each check, by its code; a check that is absent was not evaluated.

    Raises what Great Expectations raises.
    """
    suite = gx.ExpectationSuite(name="checks", expectations=[check.expectation() for check in checks])
    # Great Expectations copies the whole frame for each check: it gets only the columns that are read.
    read = {column for check in checks for column in check.columns}
    frame = frame[[column for column in frame.columns if column in read]]
    batch = _batches().get_batch(batch_parameters={"dataframe": frame})
    # COMPLETE lists the index in the frame of every row that fails, beyond the twenty of a summary.
    answer = batch.validate(suite, result_format={"result_format": "COMPLETE", "partial_unexpected_count": 0})
    failing = {}
    for result in answer.results:
        indexes = _unexpected_indexes(result, len(frame))
        if indexes is not None and result.expectation_config is not None:
            failing[(result.expectation_config.meta or {})["check"]] = indexes
    return failing


def _unexpected_indexes(result: ExpectationValidationResult, rows: int) -> list[int] | None:
    """None if the expectation was not evaluated on every row."""
    details = result.result or {}
    raised = (result.exception_info or {}).get("raised_exception", True)
    if raised or result.success is None or details.get("element_count") != rows:
        return None  # a missing column gives exception_info another shape; both end here
    indexes = details.get("unexpected_index_list")
    if indexes is None or (not result.success) != bool(indexes):
        return None
    return [int(index) for index in indexes]
