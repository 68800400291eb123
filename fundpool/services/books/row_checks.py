"""The rows that stand in the tables, compared with the trail of rows, in bounded memory."""

from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile

from fundpool.domain.ledger import LedgerFault
from fundpool.domain.row_trail import Key, RowChange, RowHistories, altered_row
from fundpool.services.ports.latest_seals import SEALED_TABLES, RowName, as_key
from fundpool.services.ports.work import Work

_PARTS = 64
_IN_MEMORY_BYTES = 1 << 18
_LINES_AT_ONCE = 500


class DealtRows:
    """Changes and standing rows, dealt by their key to temporary files: one file at a time fits in memory.

    A million payments leave some ten million rows. Each key's lines stay in the order they came in.
    """

    def __init__(self, *, is_part: bool) -> None:
        """``is_part`` is that of ``RowHistories``; only then the keys are remembered."""
        self._is_part = is_part
        self._files = [
            SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed when its part was compared
            for _ in range(_PARTS)
        ]
        self._waiting: list[list[str]] = [[] for _ in range(_PARTS)]
        self.keys: dict[str, set[str]] = {}
        self.rows = 0

    def change(self, change: RowChange, number: int) -> None:
        """A change of record ``number`` of the trail."""
        if self._is_part:
            self.keys.setdefault(change.table, set()).add(change.key)
        line = f"{change.table}\t{change.key}\t{number}\t{change.before or ''}\t{change.after or ''}\n"
        self._put(change.table, change.key, line)

    def stands(self, table: str, key: str, digest: str) -> None:
        """A row of ``table``; all changes were dealt before."""
        self.rows += 1
        self._put(table, key, f"{table}\t{key}\t\t\t{digest}\n")

    def _put(self, table: str, key: str, line: str) -> None:
        part = hash((table, key)) % _PARTS
        waiting = self._waiting[part]
        waiting.append(line)
        if len(waiting) == _LINES_AT_ONCE:
            self._write(part)

    def _write(self, part: int) -> None:
        self._files[part].write("".join(self._waiting[part]).encode(errors="surrogatepass"))
        self._waiting[part].clear()

    def histories(self) -> Iterator[RowHistories]:
        """Each part, compared."""
        for part, file in enumerate(self._files):
            self._write(part)
            file.seek(0)
            histories = RowHistories(self._is_part)
            for line in file:
                table, key, number, before, after = line[:-1].decode(errors="surrogatepass").split("\t")
                if number:
                    histories.change(RowChange(table, key, before or None, after=after or None), int(number))
                else:
                    histories.compare(table, key, after)
            file.close()
            histories.end()
            yield histories


def compare_rows(work: Work, dealt: DealtRows, *, only_named: bool) -> list[LedgerFault]:
    """Faults of every row, or of those that ``dealt`` names; names the columns of what was altered."""
    for table in work.trail.tables():
        keys = sorted(dealt.keys.get(table, ())) if only_named else None
        for key, digest in work.trail.digests(table, keys):
            dealt.stands(table, key, digest.hex())
    faults: list[LedgerFault] = []
    altered: set[Key] = set()
    for histories in dealt.histories():
        faults += histories.faults
        altered |= histories.altered
    return [*faults, *_named(work, altered)]


def _named(work: Work, altered: set[Key]) -> Iterator[LedgerFault]:
    """The faults of altered rows: the trail is read again for the columns as the program wrote them."""
    if not altered:
        return
    written: dict[Key, dict[int, int]] = {}
    for record in work.trail.records():
        try:
            for entry in record.entries():
                if entry.after is not None and (entry.table, entry.key) in altered:
                    written.setdefault((entry.table, entry.key), {}).update(entry.after.marks)
        except (ValueError, TypeError):
            continue  # the trail's own check reports it
    for table, names in work.trail.tables().items():
        of_table = sorted(key for name, key in altered if name == table)
        for key, stands in work.trail.prints(table, of_table):
            yield altered_row((table, key), names, written.get((table, key), {}), stands=stands.marks)


_LATEST = "latest_seal"
_NAMES_AT_ONCE = 500


def compare_latest_seals(work: Work, dealt: DealtRows, *, only_named: bool) -> Iterator[LedgerFault]:
    """Faults where the seal that a row bears is not the one kept as its latest, of every row or of those named."""
    latest = DealtRows(is_part=False)
    for table in sorted(SEALED_TABLES):
        keys = sorted(dealt.keys.get(table, ())) if only_named else None
        standing = iter(work.latest.standing(table, keys))
        while some := dict(islice(standing, _NAMES_AT_ONCE)):
            for name, seal in some.items():
                latest.change(RowChange(_LATEST, as_key(name), None, after=seal), 1)
            if only_named:
                _deal_latest(latest, work.latest.of_rows(some).items())
    if not only_named:
        _deal_latest(latest, work.latest.all())
    for histories in latest.histories():
        yield from histories.faults
        for _, key in sorted(histories.altered):
            yield LedgerFault(
                "seal_not_latest",
                f"{_LATEST} {key}",
                "该行的封签（seal）不是所记的最后封签",
                en="the seal of this row is not the one that is kept as its latest",
            )


def _deal_latest(latest: DealtRows, seals: Iterable[tuple[RowName, str]]) -> None:
    for name, seal in seals:
        latest.stands(_LATEST, as_key(name), seal)
