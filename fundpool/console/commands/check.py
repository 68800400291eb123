"""``fundpool check``: judge files without a database."""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fundpool.console.dashboard.labels import VERDICTS
from fundpool.console.language import word
from fundpool.console.options import City, Options, PeriodText, parse_day, period_of_type
from fundpool.console.output import Columns, Table, findings_in_words
from fundpool.domain.errors import InputError
from fundpool.domain.findings import Verdict
from fundpool.domain.return_slip import correction_of
from fundpool.services.ports.judging import Judgement, JudgingContext, Register, SourceFile, judge_files
from schemas.documents import document_type

UNREADABLE = frozenset(f"FILE-{number:03d}" for number in range(8))
"""Rules of reading under which a file could not be taken apart at all: exit status 2."""


def check(
    *files: Annotated[Path, Parameter(help="要检查的文件 / files to judge")],
    city: City,
    document: Annotated[str, Parameter(help="表种：plan、report… / kind of document: plan, report, …")],
    month: PeriodText,
    slips: Annotated[
        Path | None, Parameter(help="把退回单（工作簿和网页）写到此目录 / folder to write return slips to")
    ] = None,
    due: Annotated[
        str | None, Parameter(help="退回单上的更正期限 YYYY-MM-DD / deadline on the slips, YYYY-MM-DD")
    ] = None,
    corrects: Annotated[
        Path | None, Parameter(help="上一版文件，用于比较 / the earlier version, to compare with")
    ] = None,
    options: Options = Options(),
) -> int:
    """检查文件，不用数据库 / Judge files without a database.

    退出码：0 全部通过，1 有发现，2 有文件读不了。 / Exit status 0 every file passes, 1 something was found, 2 a file could not be read.
    """
    kind = document_type(document)
    when = period_of_type(month, kind, month_names_year=True)
    if not files:
        raise InputError("usage", "没有给出文件", "no file given", remedy="fundpool check FILE… --city …")
    from expectations.runner import judge
    from fundpool.adapters.documents.document_reader import read_documents
    from fundpool.adapters.documents.parser_process import with_members
    from fundpool.adapters.policies.policy_files import load_policies

    policy = load_policies(options.settings.policy_dir).city(city)
    context = JudgingContext(Register.of(policy.register, policy.funds, policy.name_zh), when)
    sources = with_members([open_source(file) for file in files])
    judgements = judge_files(sources, kind.key, context, read=read_documents, judge=judge)
    if slips is not None:
        deadline = None if due is None else parse_day(due, "--due")
        earlier = [] if corrects is None else [open_source(corrects)]
        before = judge_files(earlier, kind.key, context, read=read_documents, judge=judge)
        _write_slips(
            slips,
            judgements,
            sources,
            register=context.register,
            city_name=policy.name_zh,
            due=deadline,
            before=before,
        )
    options.show(
        {"files": [judgement.to_json() for judgement in judgements]},
        _table(judgements),
        *_findings(judgements),
    )
    if any(finding.rule in UNREADABLE for judgement in judgements for finding in judgement.findings):
        return 2
    return 0 if all(judgement.verdict is Verdict.PASS for judgement in judgements) else 1


def _write_slips(
    folder: Path,
    judgements: Sequence[Judgement],
    sources: Sequence[SourceFile],
    *,
    register: Register,
    city_name: str,
    due: date | None,
    before: Sequence[Judgement],
) -> None:
    from fundpool.adapters.documents.return_slips import write_slip
    from fundpool.services.oversight.return_slips import slip_of_judgement

    for judgement, source in zip(judgements, sources, strict=True):
        correction = correction_of(before[0].findings, judgement.findings) if before else None
        slip = slip_of_judgement(judgement, register, city_name, due=due, correction=correction)
        for path in write_slip(folder, slip, source):
            print(path, file=sys.stderr)


def open_source(file: Path) -> SourceFile:
    """The file's bytes; a file that cannot be opened carries the reason and is answered for like the others.

    No more is held than the reader takes, however long the file is; what is no regular file is not read to an end.
    """
    from fundpool.adapters.documents.file_names import shown_name
    from fundpool.adapters.documents.parser_process import FILE_BYTES

    name = shown_name(file)
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES + 1)
            if len(content) <= FILE_BYTES or not file.is_file():
                return SourceFile(name, content)
            stream.seek(0)
            return SourceFile(name, content, whole_sha256=hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as problem:
        return SourceFile(name, b"", unopened=problem.strerror or type(problem).__name__)


def _table(judgements: Sequence[Judgement]) -> Table:
    columns: Columns = {
        "文件 / file": "file",
        "结论 / verdict": lambda judgement: word(VERDICTS, judgement.verdict),
        "行 / rows": "rows",
        "检查 / checks": lambda judgement: f"{judgement.evaluated}/{judgement.declared}",
        "无对照 / not applicable": lambda judgement: len(judgement.not_applicable),
    }
    return Table("检查结果 / judgement", judgements, columns)


def _findings(judgements: Sequence[Judgement]) -> Iterator[str]:
    for judgement in judgements:
        if judgement.findings:
            yield f"\n{judgement.file}"
        yield from findings_in_words(judgement.findings)
