"""What commands print: one JSON document, or tables for a person, both of the same result."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundpool.console.language import choose, language, one_language, word
from fundpool.domain.errors import FundpoolError
from fundpool.domain.findings import Finding
from fundpool.domain.money import format_yuan
from fundpool.domain.periods import SHANGHAI

if TYPE_CHECKING:
    from rich.console import Console

    from fundpool.console.dashboard.labels import Label

Columns = Mapping[str, str | Callable[[Any], object]]
"""Heading of each column, and the field (named as for ``pick``) or the function of a row that it shows."""

_HEADINGS = {
    "account": "账号 / account",
    "account_name": "户名 / name",
    "account_no": "账号 / account",
    "account_type": "类型 / type",
    "action": "事项 / action",
    "actor": "办理人 / actor",
    "amount_fen": "金额 / yuan",
    "applied_fen": "申请额 / applied",
    "approved_fen": "核定额 / approved",
    "at": "时间 / at",
    "balance_fen": "余额 / yuan",
    "bank_serial": "银行流水 / serial",
    "change_fen": "增减 / change",
    "checker": "复核 / checker",
    "city": "城市 / city",
    "count": "笔数 / count",
    "county": "县区 / county",
    "credit_account": "收款账号 / payee",
    "detail": "明细 / detail",
    "detail_zh": "说明 / detail",
    "document": "表种 / document",
    "document_number": "依据文号 / document",
    "executed_at": "执行时间 / executed",
    "file": "文件 / file",
    "file_name": "文件 / file",
    "filed_at": "备案时间 / filed",
    "filed_by": "办理人 / by",
    "fund": "险种 / fund",
    "hop": "环节 / hop",
    "id": "序号 / id",
    "issued_by": "签发人 / issued by",
    "expires_at": "有效至 / until",
    "key": "支付编号 / key",
    "label": "名称 / label",
    "maker": "经办、初审 / maker",
    "month": "月份 / month",
    "name": "名称 / name",
    "number": "号 / number",
    "proposed_fen": "拟核定 / proposed",
    "reason": "理由 / reason",
    "recorded_at": "登记时间 / recorded",
    "recorded_by": "登记人 / by",
    "requested_fen": "申请额 / requested",
    "reserved_fen": "已占用 / reserved",
    "reviewed_by": "复核人 / reviewer",
    "reviewed_fen": "复核额 / reviewed",
    "revoked_at": "撤销时间 / revoked",
    "revision": "第几次 / revision",
    "state": "状态 / state",
    "status": "状态 / status",
    "total_fen": "合计 / yuan",
    "type": "类型 / type",
    "unit": "单位 / unit",
    "version": "版本 / version",
    "attempt": "第几次 / attempt",
    "operation": "操作 / operation",
    "phase": "阶段 / phase",
    "answer": "答复 / answer",
    "call": "调用 / call",
    "times": "次数 / times",
    "fault": "故障 / fault",
    "accounts": "账户数 / accounts",
    "approver": "批准人 / approver",
    "attempt_no": "第几次 / attempt",
    "attempt_state": "指令状态 / state of the order",
    "batch": "批次 / batch",
    "booking": "入账编号 / booking",
    "breaks_cleared": "结清差异 / breaks cleared",
    "breaks_new": "新差异 / new breaks",
    "closing_fen": "余额 / yuan",
    "credit_name": "收款户名 / name of the payee",
    "date": "日期 / date",
    "debit_account": "付款账号 / payer",
    "held_reason": "挂起原因 / why it is held",
    "lines_new": "新对账单行 / new lines",
    "obligation": "款项编号 / key of the transfer",
    "owner": "责任人 / owner",
    "receipts_matched": "认定收款 / receipts matched",
    "releaser": "放行 / releaser",
    "serial": "银行流水 / serial",
    "settled": "新到账 / settled",
    "settled_at": "到账时间 / settled",
    "statements": "对账单数 / statements",
}
"""What people read above a field's column; any other field stands under its own name."""


def heading(name: str) -> str:
    """What people read for a field."""
    return one_language(_HEADINGS.get(name, name))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a result as a table: an amount in fen is shown in yuan, anything else as JSON has it.

    ``columns`` are the fields' names in one text, with the headings that ``_HEADINGS`` gives them; or
    headings with a field each; or headings alone, where every row is its cells.
    """

    title: str
    rows: Iterable[Any]
    columns: str | Columns | Sequence[str]
    states: "Mapping[str, Label] | Mapping[str, str]" = field(default_factory=dict)
    """What people call the codes of the fields ``state`` and ``status``."""

    @classmethod
    def of_record(cls, title: str, record: Mapping[str, object]) -> "Table":
        """A table of one row that shows a record as it is."""
        return cls(title, [record], " ".join(record))

    def headings_and_rows(self) -> tuple[list[str], Iterable[Sequence[object]]]:
        """The headings, and the rows as they are shown."""
        columns = self.columns
        if isinstance(columns, str):
            columns = {_HEADINGS.get(name, name): name for name in columns.split()}
        headings = [one_language(each) for each in columns]
        if not isinstance(columns, Mapping):
            return headings, self.rows
        shown = list(columns.values())
        return headings, ([self._cell(row, column) for column in shown] for row in self.rows)

    def _cell(self, row: object, column: str | Callable[[Any], object]) -> object:
        """A field's value with names instead of codes; of a text in both languages the terminal's."""
        if callable(column):
            return column(row)
        value = field_of(row, _in_language(row, column))
        if value is None:
            return None
        name = column.rpartition(".")[2]
        if name.endswith("_fen"):
            return format_yuan(value)
        if isinstance(value, datetime):
            return iso(value)
        return word(self.states, value) if name in {"state", "status"} else named(name, value)


def show(document: Any, *parts: Table | str, as_json: bool) -> None:
    """Print a result: as JSON the document, for a person its tables and sentences in order."""
    if as_json:
        print_json(document)
        return
    from rich.console import Console

    for part in parts:
        if isinstance(part, str):
            print(one_language(part))
        else:
            # A pipe or a file has no width to keep to; rich would take 80 and drop columns.
            print_table(part, Console(width=None if sys.stdout.isatty() else 200))


def findings_in_words(findings: Iterable[Finding]) -> Iterator[str]:
    """The lines that tell a person of findings on a file."""
    from fundpool.console.dashboard.labels import SEVERITIES

    for finding in findings:
        place = " ".join(part for part in (finding.sheet, finding.cell) if part)
        message = choose(finding.message_zh, finding.message_en)
        yield f"[{finding.rule}] {word(SEVERITIES, finding.severity)} {place}{choose('：', ': ')}{message}"
        yield f"    {basis_and_remedy(finding.basis, finding.remedy)}"


def basis_and_remedy(basis: str | None, remedy: str | None) -> str:
    """The article something rests on and what to do about it, as far as they are known."""
    parts = [
        f"{choose('依据：', 'basis: ')}{one_language(basis)}" if basis else "",
        f"{choose('请：', 'remedy: ')}{one_language(remedy)}" if remedy else "",
    ]
    return "  ".join(filter(None, parts))


def pick(source: object, names: str) -> dict[str, Any]:
    """The named fields of an object or mapping, in this order, for a JSON document.

    ``shown=inner.name`` calls a field otherwise than its source does; what has no source is None.
    """
    pairs = (name.partition("=") for name in names.split())
    return {shown: field_of(source, name or shown) for shown, _, name in pairs}


def field_of(source: object, path: str) -> Any:
    """A field of an object or mapping, inner ones by dots; None where the way ends before."""
    for name in path.split("."):
        if source is None:
            return None
        source = source[name] if isinstance(source, Mapping) else getattr(source, name)
    return source


def _in_language(row: object, column: str) -> str:
    """In English the field ``…_en`` for ``…_zh``; what has one name only keeps it."""
    twin = column.removesuffix("_zh") + "_en"
    if not column.endswith("_zh") or language() == "zh":
        return column
    return twin if (twin in row if isinstance(row, Mapping) else hasattr(row, twin)) else column


def named(field_name: str, value: object) -> object:
    """What people call a fund, an account, a hop, a document or a step; any other value as it is."""
    from fundpool.console.dashboard import labels

    if field_name == "fund":
        return word(labels.FUNDS, str(value))
    if field_name == "type" or field_name.endswith("_type"):
        return word(labels.ACCOUNT_TYPES, str(value))
    if field_name == "hop":
        return " → ".join(word(labels.ACCOUNT_TYPES, each) for each in str(value).split(">"))
    if field_name == "step":
        return word(labels.OPERATING_STEPS, str(value))
    return document_name(str(value)) if field_name == "document" else value


def funds_in_words(keys: Iterable[str]) -> str:
    """The names of funds; a dash for none."""
    return choose("、", ", ").join(str(named("fund", key)) for key in keys) or "–"


def document_name(key: str) -> str:
    """What people call a kind of document; the key when it is none of ours."""
    from schemas.documents import DOCUMENTS

    kind = DOCUMENTS.get(key)
    return key if kind is None else choose(kind.zh, kind.en)


def iso(moment: datetime) -> str:
    """A moment as JSON has it: in Shanghai's time."""
    return moment.astimezone(SHANGHAI).isoformat()


def minute(moment: datetime | None) -> str:
    """A moment as people read it; a dash when it is not known."""
    return "–" if moment is None else f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def yuan(amount_fen: int | None) -> str:
    """An amount as people read it, in yuan; a dash when it is not known."""
    return "–" if amount_fen is None else format_yuan(amount_fen)


def print_json(document: Any) -> None:
    """Print ``document`` as the one JSON document on stdout; moments, records and models by their fields."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    """What ``json`` cannot write by itself."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value) and type(value).__str__ is object.__str__:
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if is_dataclass(value) or isinstance(value, Path):
        return str(value)  # a month, a hop, an account has one text of its own
    raise TypeError(f"no JSON for {type(value).__name__}")


def error_document(error: FundpoolError) -> dict[str, Any]:
    """An error as JSON has it."""
    return {"code": error.code, "message": str(error), "basis": error.basis, "remedy": error.remedy}


def print_error(error: FundpoolError, *, as_json: bool) -> None:
    """Print an error with its basis and remedy: JSON on stdout, or sentences on stderr."""
    if as_json:
        print_json({"error": error_document(error)})
        return
    print("\n".join(error_lines(error)), file=sys.stderr)


def error_lines(error: FundpoolError) -> Iterator[str]:
    """The lines that tell a person of an error."""
    yield f"[{error.code}] {choose(error.zh, error.en)}"
    if error.basis or error.remedy:
        yield f"  {basis_and_remedy(error.basis, error.remedy)}"


def print_table(table: Table, console: "Console") -> None:
    """Print a table as its texts are written; ``None`` shows as a dash.

    In a narrow terminal long texts run over several lines; dates, codes and amounts never break.
    """
    from rich import table as rich_table
    from rich.text import Text

    headings, rows = table.headings_and_rows()
    texts = [["–" if cell is None else str(cell) for cell in row] for row in rows]
    # A plain str would be read for markup: the name 县局[2026] lost its brackets.
    grid = rich_table.Table(title=Text(one_language(table.title)), title_justify="left")
    for index, heading in enumerate(headings):
        short = all(len(row[index]) <= 20 and (row[index].isascii() or row[index] == "–") for row in texts)
        grid.add_column(Text(heading), overflow="fold", no_wrap=short and bool(texts))
    for row in texts:
        grid.add_row(*map(Text, row))
    console.print(grid)
