"""The tie-out frame: every row of every file beside what is known of its county, fund and month.

One row per document row. Amount columns are Int64 fen. File-level facts (signatures, control totals
and the sums they must match) stand on the file's first row only, so that they are judged once.

======================  ==============================================================================
column                  meaning
======================  ==============================================================================
file, line              place of the file in the batch and of the row in the file
county, fund, month     resolved; None where the document's text means nothing known
county_by_code/_name    what the code and the name each resolve to; county_named: the register's words for both
expected_month/_year    the period asked for
<field>                 every field of the document: amounts in fen, texts
sum_<field>             Σ of the column over the file's rows (first row of the file; NA if a required one
                        is unknown, which has its own finding)
control_<field>         what the file's 控制合计 row states (first row of the file)
prepared_by, …          signatures (first row of the file; "" = left blank); ``signed``: all of them;
                        ``maker_is_checker``: the same person prepared and checked
missing_funds           names of the city's funds the county has no row for (first row of the county);
                        ``missing_fund``: its key when there is one
city_funds              names of all funds of the city
resident_<field>        the amount if the row is the resident fund's; ``nil`` is 0
copied_from             the fund whose amounts this row repeats one by one
budget_left_fen, …      facts of JudgingContext for the row's county and fund; NA where unknown, and then
                        <fact>_unknown is True if county and fund are known
…                       what the suite's ``add_facts`` adds
run_rate_fen            mean of the recent months' spending
<further fact>          facts of one document alone (services/documents/known_facts.py), with <fact>_unknown; in a list
                        the latter stands on the first row of a county's fund
fund_total_fen          in a list: Σ of the total's column over a county's fund (on its first row)
======================  ==============================================================================
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from expectations.checks import Suite
from fundpool.services.ports.judging import CountyFund, JudgingContext, Line, ParsedDocument, fold, of_each
from schemas.documents.base import DocumentType, FieldKind, Presence

CONTEXT_FACTS = ("budget_left_fen", "last_closing_fen", "last_cumulative_fen", "ledger_received_fen")
"""Facts of JudgingContext that are one amount per county and fund."""


def tie_out_rows(
    parsed: Sequence[ParsedDocument],
    document: DocumentType,
    suite: Suite,
    context: JudgingContext | Sequence[JudgingContext],
) -> list[dict[str, Any]]:
    """The rows of the frame as plain dictionaries (None = missing), files in order.

    ``context`` is one for all files, or that of each: a row never sees another city's facts.
    """
    rows: list[dict[str, Any]] = []
    further = _further(suite)
    for file_number, (file, own) in enumerate(zip(parsed, of_each(context, parsed), strict=True)):
        if not file.readable:
            continue
        file_rows = [
            _row(file_number, line_number, line, document, own, further)
            for line_number, line in enumerate(file.lines)
        ]
        _add_file_facts(file, file_rows, document)
        _add_county_facts(file_rows, document, own)
        if not document.per_fund:
            _add_fund_facts(file_rows, document, further)
        if suite.add_facts is not None:
            suite.add_facts(file_rows)
        rows.extend(file_rows)
    return rows


def tie_out_frame(rows: Sequence[Mapping[str, Any]], document: DocumentType, suite: Suite) -> pd.DataFrame:
    """The frame of ``rows`` with its types fixed, whatever the rows happen to hold."""
    names = list(rows[0]) if rows else []
    whole = _whole_number_columns(document) | suite.whole_numbers | set(_further(suite))
    columns = {
        name: pd.array([row[name] for row in rows], dtype="Int64")
        if name in whole
        else pd.Series([row[name] for row in rows], dtype=object)
        for name in names
        if name != "raw"
    }
    return pd.DataFrame(columns)


def _whole_number_columns(document: DocumentType) -> set[str]:
    numbers = {f.key for f in document.fields if f.is_money or f.kind is FieldKind.COUNT}
    sums = {f"{prefix}_{f.key}" for prefix in ("sum", "control") for f in document.money_fields}
    resident = {f"resident_{key}" for key in numbers}
    return numbers | sums | resident | {*CONTEXT_FACTS, "run_rate_fen", "nil", "fund_total_fen"}


def _further(suite: Suite) -> tuple[str, ...]:
    """The facts of one document alone, which other documents' rows do not carry."""
    return tuple(name for name in suite.needed if name not in (*CONTEXT_FACTS, "recent_monthly_spending_fen"))


def _row(
    file_number: int,
    line_number: int,
    line: Line,
    document: DocumentType,
    context: JudgingContext,
    further: Sequence[str],
) -> dict[str, Any]:
    row: dict[str, Any] = {"file": file_number, "line": line_number, "raw": line.raw}
    for f in document.fields:
        row[f.key] = line.amounts_fen[f.key] if f.is_money else line.values.get(f.key)
    code, name = row.get("county_code"), row.get("county_name")
    by_code = context.register.by_code(str(code)) if code else None
    by_name = context.register.by_name(str(name)) if name else None
    named = [f"{unit.code} {unit.name_zh}" for unit in (by_code, by_name) if unit]
    row["county_named"] = "、".join(named) or None
    row["county"] = line.county
    row["county_by_code"] = by_code.code if by_code else None if code is None else f"? {code}"
    row["county_by_name"] = by_name.code if by_name else None if name is None else f"? {name}"
    row["fund"] = line.fund
    row["city_funds"] = "、".join(fund.short_zh for fund in context.register.funds)
    row["expected_month"] = str(context.month)
    row["expected_year"] = f"{context.month.year:04d}"
    for fact in CONTEXT_FACTS:
        known: Mapping[CountyFund, int] | None = getattr(context, fact)
        row[fact] = None if known is None else known.get((line.county or "", line.fund or ""))
    recent = context.recent_monthly_spending_fen
    for f in document.money_fields:
        if "personal_account" in f.key:
            row[f"resident_{f.key}"] = row[f.key] if line.fund == "resident" else None
    row["nil"] = 0
    months = () if recent is None else recent.get((line.county or "", line.fund or ""), ())
    row["run_rate_fen"] = sum(months) // len(months) if months else None
    for fact in further:
        of_places: Mapping[tuple[str, ...], int] | None = context.fact(fact)
        place = (line.county or "", line.fund or "")
        row_name = str(row.get(document.line_field) or "") if document.line_field else ""
        row[fact] = None if of_places is None else of_places.get(place, of_places.get((*place, row_name)))
    resolved = line.county is not None and line.fund is not None
    for fact in (*CONTEXT_FACTS, *further, "run_rate_fen"):
        row[f"{fact}_unknown"] = resolved and row[fact] is None
    return row


def _add_fund_facts(rows: list[dict[str, Any]], document: DocumentType, further: Sequence[str]) -> None:
    """In a list, what is said of a county's fund as a whole stands on the first of its rows."""
    totals: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in rows:
        row["fund_total_fen"] = None
        first = totals.setdefault((row["county"], row["fund"]), row)
        if first is not row:
            row.update({f"{fact}_unknown": False for fact in further})
        if first is row:
            row["fund_total_fen"] = 0
        amount = row[document.total_field]
        known = first["fund_total_fen"] is not None and amount is not None
        first["fund_total_fen"] = first["fund_total_fen"] + amount if known else None


def _add_file_facts(file: ParsedDocument, rows: list[dict[str, Any]], document: DocumentType) -> None:
    signatures = [label.key for label in document.labels if label.key != "unit"]
    for index, row in enumerate(rows):
        for f in document.money_fields:
            first = index == 0
            amounts = [other[f.key] for other in rows] if first else []
            known = first and (None not in amounts or f.presence is Presence.OPTIONAL)
            row[f"sum_{f.key}"] = sum(amount or 0 for amount in amounts) if known else None
            row[f"control_{f.key}"] = file.control_totals_fen.get(f.key) if first else None
        for key in signatures:
            row[key] = file.labels.get(key, "") if index == 0 else None
        first = index == 0
        made, checked = file.labels.get("prepared_by", ""), file.labels.get("checked_by", "")
        row["signed"] = all(file.labels.get(key) for key in signatures) if first else None
        # 张　敏 is 张敏: names of two characters are often spread over the width of three.
        row["maker_is_checker"] = bool(made) and fold(made) == fold(checked) if first else None
        row["has_total_row"] = bool(file.control_totals_fen) if index == 0 else None


def _add_county_facts(rows: list[dict[str, Any]], document: DocumentType, context: JudgingContext) -> None:
    by_county: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        row["missing_funds"] = row["missing_fund"] = row["copied_from"] = None
        by_county.setdefault(row["county"], []).append(row)
    if not document.per_fund:
        return
    inputs = [f.key for f in document.money_fields if f.follows_from is None]
    for own in by_county.values():
        present = {row["fund"] for row in own}
        missing = [fund for fund in context.register.funds if fund.key not in present]
        # A row whose county or fund is not understood may well be the one that seems to be missing.
        if missing and None not in by_county and None not in present:
            own[0]["missing_funds"] = "、".join(fund.short_zh for fund in missing)
            own[0]["missing_fund"] = missing[0].key if len(missing) == 1 else None
        first_with: dict[tuple[int | None, ...], Any] = {}
        for row in own:
            amounts = tuple(row[key] for key in inputs)
            if any(amounts) and first_with.setdefault(amounts, row["fund"]) != row["fund"]:
                row["copied_from"] = first_with[amounts]
