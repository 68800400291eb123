"""The script of a demo month (deployments/sample/<city>/play.yaml): who does what when, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fundpool.domain.errors import InputError
from fundpool.domain.periods import SHANGHAI, Month
from fundpool.settings import REPOSITORY

SAMPLES = REPOSITORY / "deployments" / "sample"
TICK_AT = time(7, 0)
"""The hour of the daily tick."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _as_moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).replace(tzinfo=SHANGHAI)


AmountYuan = Annotated[Decimal, BeforeValidator(str)]
"""YAML reads an amount as a number; its digits are what counts."""


class Cut(_Part):
    """Finance's figure for one line, with its reason."""

    county: str
    fund: str
    amount_yuan: AmountYuan
    reason: str


class BankFault(_Part):
    """What the sandbox bank does to one county's transfer."""

    name: str
    county: str
    fund: str


class Act(_Part):
    """One act of a person, or the daily tick, at a moment of the business clock."""

    at: Annotated[time, BeforeValidator(lambda value: time.fromisoformat(str(value)))]
    do: Literal[
        "set_up",
        "tick",
        "drop",
        "submit",
        "approve",
        "cut",
        "return",
        "confirm",
        "finance",
        "authorise",
        "approve_accounts",
        "run",
        "say",
        "write_reports",
    ]
    who: str | None = None
    county: str | None = None
    counties: tuple[str, ...] = ()
    document: Literal["plan", "report"] | None = None
    file: str | None = None
    fund: str | None = None
    amount_yuan: AmountYuan | None = None
    reason: str | None = None
    cuts: tuple[Cut, ...] = ()
    step: str | None = None
    fault: BankFault | None = None
    fails: bool = False
    """The run is meant to fail for a county: that is the story, not the end of the demo."""
    zh: str | None = None
    en: str | None = None


class Day(_Part):
    """A day on which something happens; ``tick``: whether the daily tick has something to start."""

    day: date
    tick: bool = False
    acts: tuple[Act, ...] = ()


class SampleFile(_Part):
    """What is unusual about a file: how it was saved, what is wrong with it, which checks say so."""

    form: Literal["xlsx", "libreoffice", "gb18030"] = "xlsx"
    defect: Literal["full_width", "whole_quarter", "opening_swapped"] | None = None
    findings: tuple[str, ...] = ()
    zh: str
    en: str


class SetUp(_Part):
    """What is recorded before the month begins."""

    at: Annotated[datetime, BeforeValidator(_as_moment)]
    budget_document: str
    unapproved: tuple[str, ...] = ()
    """Counties whose bank accounts are entered but not approved yet."""


class Script(_Part):
    """A whole demo month."""

    city: str
    month: Annotated[Month, BeforeValidator(lambda text: Month.parse(str(text)))]
    people: dict[str, str]
    set_up: SetUp
    files: dict[str, SampleFile] = Field(default_factory=dict)
    days: tuple[Day, ...]

    @model_validator(mode="after")
    def _in_order(self) -> "Script":
        moments = [moment.at for moment in self.moments()]
        if moments != sorted(moments):
            raise ValueError("the acts are not in order of time")
        return self

    def moments(self) -> "Iterator[Moment]":
        """Every act in order, the set-up first, a day's tick before its acts."""
        yield Moment(self.set_up.at, Act(at=self.set_up.at.time(), do="set_up"))
        for day in self.days:
            ticks = (Act(at=TICK_AT, do="tick"),) if day.tick else ()
            for act in (*ticks, *day.acts):
                yield Moment(datetime.combine(day.day, act.at, SHANGHAI), act)


@dataclass(frozen=True, slots=True)
class Moment:
    """An act and its time on the business clock."""

    at: datetime
    act: Act


def sample_folder(city: str) -> Path:
    """Where the city's script and files are. Raises InputError for a city without a demo."""
    folder = SAMPLES / city
    if not (folder / "play.yaml").is_file():
        known = sorted(path.parent.name for path in SAMPLES.glob("*/play.yaml"))
        raise InputError(
            "no_sample",
            f"没有 {city} 的演示样例",
            f"there is no sample month of {city}",
            remedy=" | ".join(f"fundpool demo --city {name}" for name in known),
        )
    return folder


def load_script(folder: Path) -> Script:
    """The script in ``folder``. Raises InputError naming what is wrong in it."""
    import yaml

    file = folder / "play.yaml"
    try:
        return Script.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (OSError, ValueError, ValidationError, yaml.YAMLError) as error:
        raise InputError("sample_script", f"演示剧本 {file} 有误：{error}", f"{file}: {error}") from error
