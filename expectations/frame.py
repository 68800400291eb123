"""The tie-out frame: every row of every file beside what is known of its county, fund and month.

One row per document row. Amounts and counts are Int64 (amounts in fen), so that a missing one never turns
a column into floats; all other columns hold objects. A value of a whole file, county or fund stands on its
first row only, so that it is judged once.

======================  ==============================================================================
column                  meaning
======================  ==============================================================================
file, line, context     place of the file in the batch, of the row in the file, of the city's context
county, fund            resolved; missing where the document's text means nothing known
county_by_code/_name    what the code and the name each resolve to; county_named: the register's words for both
expected_month/_year    the period that the document must be for
city_funds              names of all funds of the city
<field>                 every field of the document: amounts, counts, texts
sum_<field>             Σ of the column over the file's rows (first row of the file); missing if a required
                        amount is, which has its own finding
control_<field>         what the file's 控制合计 row states (first row of the file); has_total_row: it has one
prepared_by, …          signatures (first row of the file; "" = left blank); maker_is_checker: the same
                        person prepared and checked
missing_funds           names of the city's funds the county has no row for (first row of the county);
                        missing_fund: its key when there is one
copied_from             the fund whose amounts this row repeats one by one
<fact>, run_rate_fen    facts of JudgingContext that the suite needs, for the row's county and fund, or for
                        the row itself in a list; run_rate_fen is the mean of the recent months' spending
<fact>_unknown          True if county and fund are resolved and the fact is missing; in a list on the
                        first row of a county's fund
fund_total_fen          in a list: Σ of the total's column over a county's fund (first row of the fund)
…                       what the suite's ``add_columns`` adds
======================  ==============================================================================
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from expectations.checks import Suite
from fundpool.domain.people import same_person
from fundpool.services.ports.judging import CountyFund, JudgingContext, Line, ParsedDocument
from schemas.documents.base import DocumentType, FieldKind

RECENT_SPENDING = "recent_monthly_spending_fen"
"""The one fact of JudgingContext that is a list of months; the frame has its mean as RUN_RATE."""
RUN_RATE = "run_rate_fen"

LARGEST = 2**62
"""The sum of two such numbers fits into 64 bits; pandas would let a larger one overflow without an error."""


def tie_out_frame(
    files: Sequence[ParsedDocument], contexts: Sequence[JudgingContext], suite: Suite
) -> pd.DataFrame:
    """The frame of the readable ``files``, in order; ``contexts`` gives each file's own.

    A row never sees the facts of another city. Raises OverflowError for numbers beyond LARGEST.
    """
    document = suite.document
    # The files of a city share one context object, so its identity is the key of the city.
    cities = {id(context): context for context in contexts}
    frame = _rows(files, contexts, document)
    frame = _with_file_facts(frame, files, document)
    if document.per_fund:
        frame = _with_missing_funds(frame, cities)
        frame["copied_from"] = _copied_from(frame, document)
    frame = _with_known_facts(frame, cities, suite)
    return suite.add_columns(frame)


def on_first_of(frame: pd.DataFrame, keys: list[str], column: str) -> pd.Series:
    """For each row the value of ``column`` in the first row that has the same ``keys``; missing equals missing."""
    firsts = frame.drop_duplicates(keys)[[*keys, column]]
    return frame[keys].merge(firsts, how="left", on=keys, validate="m:1")[column].set_axis(frame.index)


def _table(records: Sequence[Mapping[str, Any]], numbers: set[str]) -> pd.DataFrame:
    """A frame of ``records``, which all have the same keys, with its types fixed whatever they hold."""
    names = list(records[0])
    return pd.DataFrame(
        {
            name: _whole_numbers([record[name] for record in records])
            if name in numbers
            else pd.Series([record[name] for record in records], dtype=object)
            for name in names
        }
    )


def _whole_numbers(values: Sequence[int | None]) -> pd.api.extensions.ExtensionArray:
    if any(value is not None and abs(value) > LARGEST for value in values):
        raise OverflowError(f"beyond {LARGEST}")
    return pd.array(values, dtype="Int64")


def _rows(
    files: Sequence[ParsedDocument], contexts: Sequence[JudgingContext], document: DocumentType
) -> pd.DataFrame:
    records = [
        {"file": file_number, "line": line_number, "context": id(context), **_row(line, document, context)}
        for file_number, (file, context) in enumerate(zip(files, contexts, strict=True))
        if file.readable
        for line_number, line in enumerate(file.lines)
    ]
    numbers = {field.key for field in document.fields if field.is_money or field.kind is FieldKind.COUNT}
    return _table(records, {"file", "line", *numbers})


def _row(line: Line, document: DocumentType, context: JudgingContext) -> dict[str, Any]:
    """The values of the line, what the register makes of its county's code and name, and the expected period."""
    register = context.register
    row: dict[str, Any] = {
        field.key: line.amounts_fen[field.key] if field.is_money else line.values.get(field.key)
        for field in document.fields
    }
    code, name = row["county_code"], row["county_name"]
    by_code = register.by_code(str(code)) if code else None
    by_name = register.by_name(str(name)) if name else None
    return row | {
        "county": line.county,
        "fund": line.fund,
        "county_by_code": by_code.code if by_code else None if code is None else f"? {code}",
        "county_by_name": by_name.code if by_name else None if name is None else f"? {name}",
        "county_named": "、".join(f"{unit.code} {unit.name_zh}" for unit in (by_code, by_name) if unit)
        or None,
        "city_funds": "、".join(fund.short_zh for fund in register.funds),
        "expected_month": str(context.month),
        "expected_year": f"{context.month.year:04d}",
    }


def _with_file_facts(
    frame: pd.DataFrame, files: Sequence[ParsedDocument], document: DocumentType
) -> pd.DataFrame:
    """Adds signatures, control totals and the sums they must match, all on the first row of each file."""
    money = [field.key for field in document.money_fields]
    required = [field.key for field in document.money_fields if not field.is_optional]
    signatures = [label.key for label in document.labels if label.key != "unit"]
    records = []
    for number in frame["file"].unique():
        file = files[number]
        made, checked = file.labels.get("prepared_by", ""), file.labels.get("checked_by", "")
        records.append(
            {
                "file": number,
                "line": 0,
                **{f"control_{key}": file.control_totals_fen.get(key) for key in money},
                **{key: file.labels.get(key, "") for key in signatures},
                "has_total_row": bool(file.control_totals_fen),
                "maker_is_checker": bool(made and checked) and same_person(made, checked),
            }
        )
    stated = _table(records, {"file", "line", *(f"control_{key}" for key in money)})
    frame = frame.merge(stated, how="left", on=["file", "line"], validate="1:1")
    sums = _sums(frame, ["file"], money)
    complete = frame[required].notna().groupby(frame["file"]).transform("all")
    sums[required] = sums[required].where(complete)
    return frame.join(sums.where(frame["line"] == 0).add_prefix("sum_"))


def _sums(frame: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """Σ of each column over the rows with the same ``keys``, on every row; a missing amount counts as nil."""
    # As Python's integers: those of 64 bits would overflow without an error.
    amounts = frame[columns].fillna(0).astype(object)
    return amounts.groupby([frame[key] for key in keys], dropna=False).transform("sum").astype("Int64")


def _with_missing_funds(frame: pd.DataFrame, cities: Mapping[int, JudgingContext]) -> pd.DataFrame:
    """Adds the funds of its city that a county has no row for, on the first row of the county.

    Nothing is missing where a county or fund is not understood: that row may be the one that seems missing.
    """
    understood = frame["county"].notna().groupby(frame["file"]).transform("all")
    understood &= (
        frame["fund"].notna().groupby([frame["file"], frame["county"]], dropna=False).transform("all")
    )
    counties = frame.loc[understood, ["file", "line", "context", "county"]].drop_duplicates(
        ["file", "county"]
    )
    funds = pd.DataFrame(
        [
            (number, fund.key, fund.short_zh)
            for number, city in cities.items()
            for fund in city.register.funds
        ],
        columns=["context", "fund", "name"],
        dtype=object,
    )
    filed = frame[["file", "county", "fund"]].drop_duplicates()
    due = counties.merge(funds, on="context", validate="m:m")
    due = due.merge(filed, how="left", on=["file", "county", "fund"], validate="1:1", indicator=True)
    of_county = due[due["_merge"] == "left_only"].groupby(["file", "line"], as_index=False)
    missing = of_county.agg(
        missing_funds=("name", "、".join),
        missing_fund=("fund", lambda keys: keys.iloc[0] if len(keys) == 1 else None),
    )
    return frame.merge(missing, how="left", on=["file", "line"], validate="1:1")


def _copied_from(frame: pd.DataFrame, document: DocumentType) -> pd.Series:
    """The fund of the county's first row with the same amounts, where that is another fund and not all are nil."""
    inputs = [field.key for field in document.money_fields if field.follows_from is None]
    first_fund = on_first_of(frame, ["file", "county", *inputs], "fund")
    not_nil = frame[inputs].fillna(0).ne(0).any(axis=1)
    return first_fund.where(not_nil & (first_fund != frame["fund"]))


def _with_known_facts(
    frame: pd.DataFrame, cities: Mapping[int, JudgingContext], suite: Suite
) -> pd.DataFrame:
    """Adds the facts that the suite needs and, in a list, what they are compared with."""
    document = suite.document
    resolved = frame["county"].notna() & frame["fund"].notna()
    fund = ["file", "county", "fund"]
    if not document.per_fund:
        is_first = ~frame.duplicated(fund)
        complete = frame[document.total_field].notna().groupby([frame[key] for key in fund], dropna=False)
        total = _sums(frame, fund, [document.total_field])[document.total_field]
        frame["fund_total_fen"] = total.where(is_first & complete.transform("all"))
        resolved &= is_first
    for fact in suite.needed:
        column = RUN_RATE if fact == RECENT_SPENDING else fact
        frame[column] = _known(
            frame, {number: _amounts(city, fact) for number, city in cities.items()}, document
        )
        frame[f"{column}_unknown"] = resolved & frame[column].isna()
    return frame


def _amounts(city: JudgingContext, fact: str) -> Mapping[CountyFund | tuple[str, str, str], int]:
    known = city.facts.get(fact, {})
    if fact == RECENT_SPENDING:
        return {place: sum(months) // len(months) for place, months in known.items() if months}
    return known


def _known(
    frame: pd.DataFrame, amounts: Mapping[int, Mapping[Any, int]], document: DocumentType
) -> pd.Series:
    """The amount that the row's city knows for its county and fund, or else for the row of a list itself."""
    known = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    place = ["context", "county", "fund"]
    for keys in (place, [*place, str(document.line_field)]):
        records = [
            dict(zip(keys, (number, *place), strict=True)) | {"amount": amount}
            for number, of_city in amounts.items()
            for place, amount in of_city.items()
            if len(place) + 1 == len(keys)
        ]
        if records:
            table = _table(records, {"amount"})
            found = frame[keys].merge(table, how="left", on=keys, validate="m:1")["amount"]
            known = known.fillna(found)
    return known
