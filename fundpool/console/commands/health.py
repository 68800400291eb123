"""``fundpool health``: how well the installation is, with an exit status for monitoring."""

from collections.abc import Mapping

from fundpool.console.dashboard.labels import DUTY_STATES, TRANSFER_STATES, Label
from fundpool.console.language import choose, one_language, word
from fundpool.console.options import Dated
from fundpool.console.output import Columns, Table, funds_in_words, iso, minute
from fundpool.domain.notices import KIND_NAMES, NoticeKind
from schemas.health import Health, HealthState

_EXIT = {HealthState.WELL: 0, HealthState.ATTENTION: 1, HealthState.DOWN: 2}
_WORDS = {
    HealthState.WELL: "正常 / well",
    HealthState.ATTENTION: "须处理 / attention",
    HealthState.DOWN: "停摆 / down",
}


def health(*, options: Dated = Dated()) -> int:
    """本机运行状况：各城市、每日调度、队列、备份、磁盘、版本 / How well the installation is, for people and monitoring.

    退出码：0 正常，1 须处理，2 停摆：数据库或 Prefect 服务没有应答，或表是另一版本的。没有已知的 Prefect 服务
    （PREFECT_API_URL、fundpool start）时不看队列。 / Exit status 0 well, 1 attention, 2 down: the database or the Prefect server does not answer, or the tables are
    of another version. Where no Prefect server is known (PREFECT_API_URL, fundpool start) the queue is left out.
    """
    from fundpool.bootstrap import open_installation
    from fundpool.services.watch.health import health_of

    shown = health_of(open_installation(options.settings), options.now)
    options.show(shown, *_parts(shown))
    return _EXIT[shown.state]


def _parts(shown: Health) -> list[Table | str]:
    parts: list[Table | str] = [f"{one_language(_WORDS[shown.state])} · {iso(shown.as_of)}"]
    if shown.reasons:
        why = [
            (
                _kind(reason.kind),
                reason.city,
                reason.count,
                choose(reason.message_zh, reason.message_en),
                one_language(reason.remedy or "–"),
            )
            for reason in shown.reasons
        ]
        parts.append(
            Table(
                "须处理 / to look at",
                why,
                ["类别 / kind", "城市 / city", "数 / count", "说明 / message", "处理 / remedy"],
            )
        )
    if shown.cities:
        cities: Columns = {
            "城市 / city": lambda city: choose(city.name_zh, city.city),
            "未结月份 / open months": lambda city: " ".join(city.open_months),
            "期限 / duties": lambda city: _counts(city.duties, DUTY_STATES),
            "迟报县区 / late": lambda city: len(city.late_counties),
            "款项 / payments": lambda city: _counts(city.payments, TRANSFER_STATES),
            "最早未结 / oldest open": lambda city: minute(city.oldest_open_payment_at),
            "停发 / stopped": lambda city: funds_in_words(city.stopped_funds) if city.stopped_funds else None,
        }
        parts.append(Table("城市 / cities", shown.cities, cities))
    parts.append(Table("本机 / installation", _installation(shown), ["项目 / item", "现状 / now"]))
    return parts


def _kind(kind: str) -> str:
    """What the reason is about; an error keeps its code, which docs/errors.md explains."""
    return choose(*KIND_NAMES[NoticeKind(kind)]) if kind in set(NoticeKind) else kind


def _counts(by_state: dict[str, int], labels: Mapping[str, Label]) -> str:
    return choose("，", ", ").join(f"{word(labels, state)} {count}" for state, count in by_state.items())


def _installation(shown: Health) -> list[tuple[str, object]]:
    queue, versions = shown.queue, shown.versions
    rows: list[tuple[str, object]] = [
        ("每日调度 / last tick", shown.tick and minute(shown.tick.last_finished_at)),
        (
            "队列 / queue",
            queue
            and choose(
                f"待执行 {queue.scheduled}，迟 {queue.late}，执行中 {queue.running}，执行器 {queue.workers_online}",
                f"scheduled {queue.scheduled}, late {queue.late}, running {queue.running}, "
                f"workers {queue.workers_online}",
            ),
        ),
        ("备份 / backup", shown.backup and minute(shown.backup.last_at)),
        ("磁盘余量 / free disk", f"{shown.free_bytes // 2**20} MB"),
        (
            "版本 / versions",
            choose(
                f"fundpool {versions.code} · 表 {versions.tables or '–'}（应为 {versions.tables_wanted}）",
                f"fundpool {versions.code} · tables {versions.tables or '–'} (wanted {versions.tables_wanted})",
            ),
        ),
        (
            "告警 / notices",
            shown.notices
            and choose(
                f"渠道 {shown.notices.channels}，待发 {shown.notices.waiting}，"
                f"未送达 {shown.notices.undelivered}",
                f"channels {shown.notices.channels}, waiting {shown.notices.waiting}, "
                f"undelivered {shown.notices.undelivered}",
            ),
        ),
    ]
    return [(one_language(item), state) for item, state in rows]
