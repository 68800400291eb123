"""``fundpool audit``: prove that nothing was changed behind the program's back."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fundpool.clock import business_clock
from fundpool.console.commands.ledger import show_faults
from fundpool.console.options import AnyCity, AnyMonthText, Dated, Options, chosen, make_folder, writing_to
from fundpool.console.output import Table, print_json
from fundpool.domain.errors import InputError

if TYPE_CHECKING:
    from fundpool.services.books.audit_checks import Anchor

app = App(name="audit")


@app.command
def verify(
    *,
    anchor: Annotated[
        Path | None,
        Parameter(
            help="外存锚值：每行一份 JSON 的文件，或存下的邮件 / anchors kept elsewhere: one JSON document per line, or a saved mail"
        ),
    ] = None,
    full: Annotated[
        bool,
        Parameter(
            help="全部重读，含此前已核验的长历史 / read everything, also a long history that was verified before"
        ),
    ] = False,
    options: Options = Options(),
) -> int:
    """核验每一行、审计日志与账簿，自身及对照锚值；有问题退出码 1 / Check every row, the trails and the books, alone and against anchors; exit 1 on any fault.

    此前全部读过的长历史，从该处接着读。 / A long history that was read whole before is read from there on.
    """
    from fundpool.services.books import audit_checks

    anchors = _read_anchors(anchor) if anchor else []
    found = audit_checks.verify(options.ports(), business_clock(None), anchors, full=full)
    read_zh, read_en = "全部重读", "read whole"
    if found.since is not None:
        read_zh = f"只读 {found.since} 以后写入的，此前的已核验过"
        read_en = f"read what was written since {found.since}"
    return show_faults(
        found.faults,
        options,
        title="审计核验发现问题 / faults in the audit trail",
        sound=f"审计日志、账簿与 {found.rows} 行数据完整，对照锚值 {len(anchors)} 份；{read_zh} / "
        f"trails, books and {found.rows} rows are whole, checked against {len(anchors)} anchors; "
        f"{read_en}",
        anchors=len(anchors),
        checked={"records": found.records, "rows": found.rows, "since": found.since},
    )


@app.command
def anchor(
    *,
    out: Annotated[Path | None, Parameter(help="追加到文件 / file to append to")] = None,
    options: Dated = Dated(),
) -> int:
    """打印各链的锚值，另存于纸上或另一台机器 / Print the heads of every chain, to be kept on paper or on another machine."""
    from fundpool.adapters.stores.anchor_places import AnchorFile
    from fundpool.services.books.audit_checks import take_anchor

    now = options.now
    taken = options.ports().database.read(lambda work: take_anchor(work, now)).as_document()
    if out is None:
        print_json(taken)
        return 0
    with writing_to(out):
        AnchorFile(out).put(taken)
    return options.show(taken, f"已写入 {out} / written to {out}")


@app.command
def sample(
    *,
    city: AnyCity = None,
    month: AnyMonthText = None,
    n: Annotated[int, Parameter(name="--n", help="笔数 / how many payments")] = 25,
    seed: Annotated[
        str,
        Parameter(help="抽样种子：同一种子再次抽出同样的样本 / the same seed draws the same sample again"),
    ],
    out: Annotated[Path, Parameter(help="新目录 / folder to make")],
    options: Dated = Dated(),
) -> int:
    """抽查拨付并附证据 / Draw a sample of the month's payments and write the evidence of each into a folder."""
    from fundpool.console.commands.explain import in_words
    from fundpool.services.oversight.evidence import draw_payments, evidence_of

    now, (key, when) = options.now, options.place_of(city, month)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "folder_not_empty",
            f"目录 {out} 不是空的",
            f"the folder {out} is not empty",
            remedy="--out NEW_FOLDER",
        )
    ports = options.open_month()
    make_folder(out)
    drawn = draw_payments(ports, key, when, size=n, seed=seed)
    for file in evidence_of(ports, drawn, in_words=in_words, now=now):
        target = out / file.path
        with writing_to(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
    payments = [
        {"payment": each.key, "unit": each.unit, "amount_fen": each.amount_fen, "state": each.state}
        for each in drawn.payments
    ]
    return options.show(
        {
            **chosen((key, when), city, month),
            "seed": seed,
            "n": len(payments),
            "population": drawn.sample.population,
            "population_sha256": drawn.sample.population_digest,
            "folder": str(out),
            "payments": payments,
        },
        Table(f"样本 sample · {key} · {when} · {seed}", payments, "payment unit amount_fen state"),
        str(out),
    )


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
