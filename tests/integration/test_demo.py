"""The demo months: every act can be cut short, every declared defect is found, the files are the generator's."""

from pathlib import Path

import pytest

from deployments.sample.make_sample import write_city
from fundpool.adapters.documents.document_reader import read_documents
from fundpool.adapters.policies.policy_files import load_policies
from fundpool.console.demo.play import Position
from fundpool.console.demo.script import SAMPLES, load_script
from fundpool.domain.errors import InputError
from fundpool.domain.findings import Severity
from fundpool.domain.submission import DocumentKind
from fundpool.services.ports.judging import ParsedDocument, Register, SourceFile
from fundpool.services.ports.work import Work
from fundpool.settings import Settings
from tests.integration.demo_stage import DemoStage

CITIES = ("jiujiang", "suizhou", "taizhou")


class CutShort(Exception):
    """The machine stopped after an act and before its end was noted."""


class ForgetfulOnce(Position):
    """Loses the note of every act the first time, as a kill at the worst moment does."""

    lost: set[int]

    def reach(self, done: int) -> None:
        if done and done not in self.lost:
            self.lost.add(done)
            raise CutShort
        super().reach(done)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DemoStage]:
    stages = {}
    for city in CITIES:
        stages[city] = DemoStage(tmp_path_factory.mktemp(city) / "home", city)
        stages[city].play()
    return stages


@pytest.mark.slow
@pytest.mark.parametrize("city", CITIES)
def test_the_month_ends_with_sound_money_and_every_county_paid_and_reported(
    played: dict[str, DemoStage], city: str
) -> None:
    summary = played[city].summary()
    assert summary.ledger_faults == ()
    assert summary.differences == ()
    assert {row.debit_fen - row.credit_fen for row in summary.trial_balance} == {0}
    assert summary.is_sound
    for row in summary.money:
        assert row.paid_fen == row.reviewed_fen
        assert row.spent_fen is not None
    assert list((played[city].settings.reports / city / "2026-10").glob("*.xlsx"))


@pytest.mark.slow
def test_taizhous_late_missing_and_inconsistent_counties_are_named(played: dict[str, DemoStage]) -> None:
    flags = {
        (flag["kind"], flag["unit"], flag["step"], flag["days"]) for flag in played["taizhou"].summary().flags
    }
    assert {
        ("late", "331023", "submit_fund_use_plan", 1),
        ("late", "331083", "submit_fund_use_plan", 13),
        ("late", "331024", "submit_expenditure_report", 2),
        ("late", "331083", "submit_expenditure_report", 12),
        ("returned", "331024", "submit_fund_use_plan", None),
        ("returned", "331003", "submit_expenditure_report", None),
        ("inconsistent", "331022", "submit_fund_use_plan", None),
    } <= flags


@pytest.mark.slow
@pytest.mark.parametrize("city", CITIES)
def test_each_file_shows_the_findings_its_script_declares_and_no_other(
    played: dict[str, DemoStage], city: str
) -> None:
    stage = played[city]

    def found(work: Work) -> dict[str, set[str]]:
        return {
            f"{document.value}s/{version.file_name}": {
                finding.rule
                for finding in work.submissions.findings(version.id)
                if finding.severity is not Severity.NOTE
            }
            for document in DocumentKind
            for version in work.submissions.versions(city, document, stage.script.month)
        }

    declared = {
        moment.act.file: set(stage.script.files[moment.act.file].findings)
        if moment.act.file in stage.script.files
        else set()
        for moment in stage.script.moments()
        if moment.act.file
    }
    assert stage.ports.database.read(found) == declared


@pytest.mark.slow
@pytest.mark.parametrize("city", ["suizhou", "taizhou"])
def test_a_demo_killed_after_every_single_act_comes_to_the_same_end(
    played: dict[str, DemoStage], tmp_path: Path, city: str
) -> None:
    lost: set[int] = set()
    moments = len(list(load_script(SAMPLES / city).moments()))
    while True:
        stage = DemoStage(tmp_path / "home", city)
        forgetful = ForgetfulOnce(tmp_path / "home", stage.script)
        forgetful.lost = lost
        stage.position = forgetful
        try:
            stage.play()
            break
        except CutShort:
            stage.close()
    assert lost == set(range(1, moments + 1))
    assert stage.summary() == played[city].summary()


@pytest.mark.parametrize("city", CITIES)
def test_the_committed_files_say_what_the_generator_writes(tmp_path: Path, city: str) -> None:
    script, policy = load_script(SAMPLES / city), load_policies(Settings().policy_dir).city(city)
    write_city(tmp_path, script, policy, with_office=False)
    register = Register.of(policy.register, policy.funds)

    def read(folder: Path, document: str) -> list[ParsedDocument]:
        files = sorted((folder / f"{document}s").iterdir())
        sources = [SourceFile(file.name, file.read_bytes()) for file in files]
        return read_documents(sources, document, register, month=script.month)

    for document in ("plan", "report"):
        committed, written = read(SAMPLES / city, document), read(tmp_path, document)
        assert [document.file for document in committed] == [document.file for document in written]
        for old, new in zip(committed, written, strict=True):
            assert old.readable
            assert [line.amounts_fen for line in old.lines] == [line.amounts_fen for line in new.lines]
            assert [(line.county, line.fund, line.month) for line in old.lines] == [
                (line.county, line.fund, line.month) for line in new.lines
            ]
    for file in tmp_path.glob("*.csv"):
        assert (SAMPLES / city / file.name).read_text("utf-8") == file.read_text("utf-8")


def test_one_file_was_really_saved_by_libreoffice_and_one_is_gbk() -> None:
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(SAMPLES / "taizhou/plans/331023-2026-10.xlsx") as book:
        assert b"LibreOffice" in book.read("docProps/app.xml")
    content = (SAMPLES / "taizhou/plans/331004-2026-10.csv").read_bytes()
    assert "路桥区" in content.decode("gb18030")
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


def test_every_sample_file_is_marked_synthetic(tmp_path: Path) -> None:
    policies = load_policies(Settings().policy_dir)
    for city in CITIES:
        for document in ("plan", "report"):
            for file in (SAMPLES / city / f"{document}s").iterdir():
                if file.suffix == ".csv":
                    assert "synthetic" in file.read_text("gb18030")
                else:
                    assert _title(file).endswith("（合成数据 synthetic）")
        assert policies.city(city)


def _title(file: Path) -> str:
    from openpyxl import load_workbook  # noqa: PLC0415

    return str(load_workbook(file, read_only=True).worksheets[0]["A1"].value)


def test_a_demo_takes_no_folder_that_holds_other_data(tmp_path: Path) -> None:
    (tmp_path / "fundpool.db").write_bytes(b"real")
    with pytest.raises(InputError) as refused:
        Position(tmp_path, load_script(SAMPLES / "suizhou")).claim()
    assert refused.value.code == "not_a_demo"


def test_a_demo_does_not_carry_on_with_another_citys_month(tmp_path: Path) -> None:
    Position(tmp_path / "home", load_script(SAMPLES / "suizhou")).claim()
    with pytest.raises(InputError) as refused:
        Position(tmp_path / "home", load_script(SAMPLES / "taizhou")).claim()
    assert refused.value.code == "demo_changed"
