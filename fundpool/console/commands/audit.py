"""``fundpool audit``: prove that nothing was changed behind the program's back."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.console.clock import business_clock
from fundpool.console.options import PolicyDir, settings_of
from fundpool.console.output import print_json, print_table
from fundpool.domain.errors import InputError

if TYPE_CHECKING:
    from fundpool.services.books.audit_checks import Anchor
    from fundpool.services.ports.work import MonthPorts

app = App(name="audit", help="审计日志 / The audit trail: verify, anchor.", result_action="return_value")


def _ports(policy_dir: Path | None) -> "MonthPorts":
    from fundpool.bootstrap import build_ports

    return build_ports(settings_of(policy_dir))


@app.command
def verify(
    *,
    anchor: Annotated[
        Path | None,
        Parameter(
            help="外存锚值：文件，或存下的邮件 / anchors kept elsewhere: one JSON document per line, or a saved mail"
        ),
    ] = None,
    full: Annotated[
        bool, Parameter(help="全部重读 / read everything, also a long history that was verified before")
    ] = False,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Check every row, the trails and the books, alone and against anchors; exit 1 on any fault.

    A long history that was read whole before is read from there on.
    """
    from fundpool.services.books import audit_checks

    anchors = _read_anchors(anchor) if anchor else []
    found = audit_checks.verify(_ports(policy_dir), business_clock(None), anchors, full=full)
    faults = found.faults
    if json:
        print_json(
            {
                "ok": not faults,
                "anchors": len(anchors),
                "checked": {"records": found.records, "rows": found.rows, "since": found.since},
                "faults": [
                    {"kind": f.kind, "subject": f.subject, "message_zh": f.zh, "message_en": f.en}
                    for f in faults
                ],
            }
        )
    elif faults:
        print_table(
            "审计核验发现问题 / faults in the audit trail",
            ["kind", "where", "中文", "English"],
            [[fault.kind, fault.subject, fault.zh, fault.en] for fault in faults],
        )
    else:
        print(
            f"审计日志、账簿与 {found.rows} 行数据完整，对照锚值 {len(anchors)} 份；{_read_zh(found.since)} / "
            f"trails, books and {found.rows} rows are whole, checked against {len(anchors)} anchors; "
            f"read {'whole' if found.since is None else f'what was written since {found.since}'}"
        )
    return 1 if faults else 0


@app.command
def anchor(
    *,
    out: Annotated[Path | None, Parameter(help="追加到文件 / file to append to")] = None,
    as_of: Annotated[str | None, Parameter(help="业务时间 / business time")] = None,
    policy_dir: PolicyDir = None,
    json: bool = False,
) -> int:
    """Print the heads of every chain, to be kept on paper or on another machine."""
    from fundpool.adapters.stores.anchor_places import AnchorFile
    from fundpool.services.books.audit_checks import take_anchor

    now = business_clock(as_of)
    taken = _ports(policy_dir).database.read(lambda work: take_anchor(work, now)).as_document()
    if out is not None:
        AnchorFile(out).put(taken)
    if json or out is None:
        print_json(taken)
    else:
        print(f"已写入 {out} / written")
    return 0


def _read_zh(since: str | None) -> str:
    return "全部重读" if since is None else f"只读 {since} 以后写入的，此前的已核验过"


def _read_anchors(file: Path) -> "list[Anchor]":
    from fundpool.adapters.stores.anchor_mail import anchors_text
    from fundpool.services.books.audit_checks import Anchor

    try:
        text = anchors_text(file.read_bytes())
        try:
            return [Anchor.from_document(json_module.loads(text))]
        except json_module.JSONDecodeError:
            lines = [line for line in text.splitlines() if line.strip()]
            return [Anchor.from_document(json_module.loads(line)) for line in lines]
    except (OSError, ValueError) as error:
        raise InputError(
            "anchor_unreadable",
            f"读不了锚值文件 {file}：{error}",
            f"cannot read the anchors in {file}: {error}",
            remedy="fundpool audit anchor --out FILE",
        ) from error
