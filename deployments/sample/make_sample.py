"""Writes the demo cities' files from their scripts: ``make sample``.

Codes are GB/T 2260. Each county's figures follow from its population (2020 census where it was
published; the other splits are assumptions, marked so below) and the national spending per insured
person of 2024. Everything else is made up, and every file is marked as synthetic.

The same arguments give the same figures. LibreOffice (``soffice``) is needed for the files that are
to be saved by it.
"""

import csv
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fundpool.adapters.documents.workbooks import write_document
from fundpool.adapters.policies.policy_files import load_policies
from fundpool.console.demo.script import SAMPLES, SampleFile, Script, load_script
from fundpool.domain.money import format_yuan, split_by_largest_remainder
from fundpool.domain.policy import CityPolicy
from fundpool.settings import Settings

MARK = "合成数据 synthetic"

POPULATION: Mapping[str, Mapping[str, int]] = {
    # 台州: city and six counties as published; 仙居 and 三门 share what is left, the split is assumed.
    "taizhou": {
        "331002": 826_100,
        "331003": 707_500,
        "331004": 628_900,
        "331022": 378_000,
        "331023": 474_711,
        "331024": 433_400,
        "331081": 1_416_200,
        "331082": 1_114_100,
        "331083": 644_000,
    },
    # 随州: 2,047,923 as published; the split over the counties is assumed.
    "suizhou": {"421303": 690_000, "421321": 630_000, "421381": 727_923},
    # 九江: all thirteen as published.
    "jiujiang": {
        "360402": 418_339,
        "360403": 433_122,
        "360404": 312_807,
        "360423": 322_161,
        "360424": 710_620,
        "360425": 316_365,
        "360426": 167_090,
        "360428": 577_684,
        "360429": 227_462,
        "360430": 284_757,
        "360481": 403_655,
        "360482": 194_689,
        "360483": 231_525,
    },
}

# Share of the population insured in per mille (assumed), spending per insured person and year in fen
# (national, 2024: 19,102.54 亿元 over 37,948.34 万人; 10,661.49 亿元 over 94,713.74 万人).
INSURED_PER_MILLE = {"employee": 330, "resident": 590}
YEARLY_FEN_PER_INSURED = {"employee": 503_383, "resident": 112_566}

ITEM_WEIGHTS = {  # assumed
    "employee": {
        "inpatient": 42,
        "outpatient": 14,
        "chronic": 9,
        "maternity": 4,
        "remote": 9,
        "personal_account": 22,
    },
    "resident": {
        "inpatient": 60,
        "outpatient": 14,
        "chronic": 12,
        "maternity": 2,
        "remote": 12,
        "personal_account": 0,
    },
}
MONTHS_BEFORE = 9
FISCAL_MONTHS = 5
"""The fiscal account opens with so many months of the whole city's spending."""

BANKS = {"fiscal_account": "财政专户开户行（虚构）", "city_expenditure": "市支出户开户行（虚构）"}

Row = dict[str, str | int]
Place = tuple[str, str]


class Figures:
    """Every amount of one city's month, in fen."""

    def __init__(self, script: Script, policy: CityPolicy) -> None:
        self.script = script
        self.policy = policy
        self.funds = tuple(fund.key for fund in policy.funds)
        self.places: tuple[Place, ...] = tuple(
            (unit.code, fund) for unit in policy.units for fund in self.funds
        )

    def usual_fen(self, county: str, fund: str) -> int:
        """A usual month's spending."""
        insured = POPULATION[self.policy.key][county] * INSURED_PER_MILLE[fund] // 1000
        return insured * YEARLY_FEN_PER_INSURED[fund] // 12

    def items_fen(self, county: str, fund: str, what: str, *, percent: int = 100) -> Row:
        """``what`` (a month's name) split over the items, each a little off its usual share."""
        total = self.usual_fen(county, fund) * percent // 100
        weights = [
            weight * _about(1000, 60, county, fund, what, item) for item, weight in ITEM_WEIGHTS[fund].items()
        ]
        total = _about(total, 30, county, fund, what)
        parts = split_by_largest_remainder(total, weights)
        return {f"{item}_fen": part for item, part in zip(ITEM_WEIGHTS[fund], parts, strict=True)}

    def planned_items_fen(self, county: str, fund: str, *, months: int = 1) -> Row:
        """The plan, in whole hundreds of yuan as clerks write it."""
        items = self.items_fen(county, fund, "plan", percent=100 * months)
        return {name: int(amount) // 10_000 * 10_000 for name, amount in items.items()}

    def closing_fen(self, county: str, fund: str) -> int:
        """What the county holds when the month begins: a tenth of a month's spending or so."""
        return _about(self.usual_fen(county, fund) * 11 // 100, 300, county, fund, "closing")

    def requested_fen(self, county: str, fund: str) -> int:
        planned = sum(int(amount) for amount in self.planned_items_fen(county, fund).values())
        return max(planned - self.closing_fen(county, fund), 0)

    def paid_fen(self, county: str, fund: str) -> int:
        """What the county was paid: as requested, less what the script's people cut."""
        amount_fen = self.requested_fen(county, fund)
        for moment in self.script.moments():
            act = moment.act
            cuts = [*act.cuts, *([act] if act.do == "cut" else [])]
            for cut in cuts:
                if (cut.county, cut.fund) == (county, fund):
                    assert cut.amount_yuan is not None
                    amount_fen = int(cut.amount_yuan * 100)
        return amount_fen

    def year_items_fen(self, county: str, fund: str) -> Row:
        """Spending of the months before, item by item."""
        return self.items_fen(county, fund, "year", percent=100 * MONTHS_BEFORE)

    def budget_fen(self, county: str, fund: str) -> int:
        """The year's budget: what was paid, and enough for the quarter that is left, in whole 万元.

        A county that asks for the whole quarter at once has less than that left.
        """
        spent = sum(int(amount) for amount in self.year_items_fen(county, fund).values())
        left_percent = 255 if (county, fund) == self._greedy() else 345
        budget = spent + self.usual_fen(county, fund) * left_percent // 100
        return budget // 1_000_000 * 1_000_000

    def _greedy(self) -> Place | None:
        for name, file in self.script.files.items():
            if file.defect == "whole_quarter":
                return Path(name).stem.partition("-")[0], "resident"
        return None

    # --- documents -----------------------------------------------------------------------------

    def plan_rows(self, county: str, defect: str | None) -> list[Row]:
        rows = []
        for fund in self.funds:
            row = self._row(county, fund)
            greedy = defect == "whole_quarter" and fund == "resident"
            row |= self.planned_items_fen(county, fund, months=3 if greedy else 1)
            row["available_fen"] = self.closing_fen(county, fund)
            row["last_year_fen"] = _about(self.usual_fen(county, fund) * 94 // 100, 20, county, fund, "ly")
            if defect == "full_width" and fund == "employee":
                row["inpatient_fen"] = full_width(int(row["inpatient_fen"]))
            rows.append(row)
        return rows

    def report_rows(self, county: str, defect: str | None) -> list[Row]:
        rows = []
        for fund in self.funds:
            row = self._row(county, fund)
            items = self.spent_items_fen(county, fund)
            year = self.year_items_fen(county, fund)
            opening_fen = self.closing_fen(county, fund)
            row |= items
            row |= {f"year_{name}": int(year[name]) + int(amount) for name, amount in items.items()}
            row |= {
                "opening_fen": opening_fen,
                "received_fen": self.paid_fen(county, fund),
                "interest_fen": 0,
                "returned_fen": 0,
                "remitted_fen": 0,
                "last_year_fen": _about(self.usual_fen(county, fund) * 95 // 100, 20, county, fund, "lm"),
            }
            if defect == "opening_swapped" and fund == "employee":
                row["opening_fen"] = swapped(opening_fen)
            rows.append(row)
        return rows

    def spent_items_fen(self, county: str, fund: str) -> Row:
        """The month's spending: near the usual, never above what the county had."""
        held = self.closing_fen(county, fund) + self.paid_fen(county, fund)
        items = self.items_fen(county, fund, "spent", percent=95)
        total = sum(int(amount) for amount in items.values())
        most = _about(held * 97 // 100, 15, county, fund, "held")
        if total > most:
            weights = [int(amount) for amount in items.values()]
            items = dict(zip(items, split_by_largest_remainder(most, weights), strict=True))
        return items

    def _row(self, county: str, fund: str) -> Row:
        name = next(unit.name_zh for unit in self.policy.units if unit.code == county)
        return {"county_code": county, "county_name": name, "fund": fund}

    # --- records of the city -------------------------------------------------------------------

    def fiscal_fen(self, fund: str) -> int:
        usual = sum(self.usual_fen(county, other) for county, other in self.places if other == fund)
        return usual * FISCAL_MONTHS // 1_000_000 * 1_000_000

    def accounts(self) -> list[list[str]]:
        city = self.policy
        places = [("fiscal_account", city.division_code, f"{city.name_zh}社会保障基金财政专户")]
        if any(hop.to_account == "city_expenditure" for hop in city.payment_path):
            places.append(
                ("city_expenditure", city.division_code, f"{city.name_zh}医疗保障经办机构基金支出户")
            )
        places += [
            ("county_expenditure", unit.code, f"{unit.name_zh}医疗保障经办机构基金支出户")
            for unit in city.units
        ]
        codes = {fund.key: fund.code for fund in city.funds}
        kinds = ("fiscal_account", "city_expenditure", "county_expenditure")
        return [
            [
                city.key,
                fund,
                unit,
                kind,
                f"9900{kinds.index(kind)}{codes[fund]}{unit}",
                f"{name}（{'职工' if fund == 'employee' else '居民'}，虚构）",
                BANKS.get(kind, "县支出户开户行（虚构）"),
            ]
            for kind, unit, name in places
            for fund in self.funds
        ]


def _about(amount: int, per_mille: int, *what: str) -> int:
    """``amount`` moved by up to ``per_mille`` thousandths either way, always the same way for ``what``."""
    digest = hashlib.sha256("/".join(what).encode()).digest()
    offset = int.from_bytes(digest[:4]) % (2 * per_mille + 1) - per_mille
    return amount * (1000 + offset) // 1000


def full_width(amount_fen: int) -> str:
    """The amount as somebody types it with a Chinese input method."""
    return format_yuan(amount_fen, separators=False).translate(
        {ord(c): ord(c) + 0xFEE0 for c in "0123456789."}
    )


def swapped(amount_fen: int) -> int:
    """The amount with its first two neighbouring digits that differ exchanged."""
    digits = list(str(amount_fen))
    place = next(i for i in range(1, len(digits) - 1) if digits[i] != digits[i + 1])
    digits[place], digits[place + 1] = digits[place + 1], digits[place]
    return int("".join(digits))


def write_city(folder: Path, script: Script, policy: CityPolicy, *, with_office: bool = True) -> None:
    """Write every file that the script names, and the city's own records, into ``folder``.

    Without ``with_office`` the files for LibreOffice stay as our own writer made them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = Figures(script, policy)
    _csv(folder / "accounts.csv", _ACCOUNT_COLUMNS, figures.accounts())
    _csv(
        folder / "budget.csv",
        ["county", "fund", "amount_yuan"],
        [[c, f, _yuan(figures.budget_fen(c, f))] for c, f in figures.places],
    )
    _csv(
        folder / "openings-city.csv",
        ["account_type", "unit", "fund", "balance_yuan"],
        [["fiscal_account", policy.division_code, f, _yuan(figures.fiscal_fen(f))] for f in figures.funds],
    )
    rows = []
    for county, fund in figures.places:
        year = sum(int(amount) for amount in figures.year_items_fen(county, fund).values())
        month = sum(int(amount) for amount in figures.items_fen(county, fund, "before").values())
        closing = figures.closing_fen(county, fund)
        rows.append(["county_expenditure", county, fund, *map(_yuan, (closing, month, year, year))])
    _csv(folder / "openings-counties.csv", _OPENING_COLUMNS, rows)
    for moment in script.moments():
        act = moment.act
        if act.do in {"drop", "submit"}:
            assert act.file
            assert act.county
            assert act.document
            about = script.files.get(act.file, SampleFile(zh="", en=""))
            _document(folder / act.file, figures, act.document, county=act.county, about=about)
            if about.form == "libreoffice" and with_office:
                _save_with_libreoffice(folder / act.file)


_ACCOUNT_COLUMNS = ["city", "fund", "unit", "account_type", "account_no", "account_name", "bank_name"]
_OPENING_COLUMNS = [
    "account_type",
    "unit",
    "fund",
    "balance_yuan",
    "spending_yuan",
    "year_spending_yuan",
    "year_paid_yuan",
]


def _document(path: Path, figures: Figures, document: str, *, county: str, about: SampleFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    make = figures.plan_rows if document == "plan" else figures.report_rows
    write_document(
        path,
        document,
        city_name=figures.policy.name_zh,
        month=figures.script.month,
        rows=make(county, about.defect),
        encoding="gb18030" if about.form == "gb18030" else "utf-8-sig",
        mark=MARK,
    )


def _save_with_libreoffice(path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        raise SystemExit(f"LibreOffice (soffice) is needed to save {path}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603  our own file, saved again
            [
                office,
                f"-env:UserInstallation=file://{folder}/profile",
                "--headless",
                "--convert-to",
                "xlsx:Calc MS Excel 2007 XML",
                "--outdir",
                folder,
                str(path),
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )
        shutil.copyfile(Path(folder) / path.name, path)


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _yuan(amount_fen: int) -> str:
    return format_yuan(amount_fen, separators=False)


def main(cities: Sequence[str] = ()) -> None:
    """Write the files of ``cities``, all when none is named."""
    policies = load_policies(Settings().policy_dir)
    for play in sorted(SAMPLES.glob("*/play.yaml")):
        script = load_script(play.parent)
        if not cities or script.city in cities:
            write_city(play.parent, script, policies.city(script.city))
            sys.stdout.write(f"{play.parent}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
