"""Chinese and English: messages from the Babel catalogues, dates with weekday, amounts in yuan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from fundpool.domain.periods import SHANGHAI, Month

CATALOGUES = Path(__file__).parent / "locales"

_HTML_LANG = {"zh": "zh-CN", "en": "en"}
_LOCALE = {"zh": "zh_Hans_CN", "en": "en_GB"}
_DAY = {"zh": "M月d日 EEE", "en": "EEE d MMM"}
_SHORT_DAY = {"zh": "M月d日", "en": "d MMM"}
_DATE = {"zh": "y年M月d日 EEE", "en": "EEE d MMM y"}
_MONTH = {"zh": "y年M月", "en": "MMMM y"}


@dataclass(frozen=True)
class Language:
    """One language of the pages; the source text of the catalogues is English."""

    key: str
    translations: NullTranslations

    @property
    def html_lang(self) -> str:
        """The value of the ``lang`` attribute."""
        return _HTML_LANG[self.key]

    @property
    def locale(self) -> Locale:
        return Locale.parse(_LOCALE[self.key])

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self.translations.ugettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The message for ``number`` things in this language."""
        return self.translations.ungettext(singular, plural, number)

    def choose(self, zh: str, en: str) -> str:
        """Whichever of a text that exists in both languages is this one's."""
        return zh if self.key == "zh" else en

    def day(self, value: date | datetime) -> str:
        """Month, day and weekday: 10月9日 周五."""
        return str(format_date(_business_day(value), _DAY[self.key], locale=self.locale))

    def short_day(self, value: date | datetime) -> str:
        """Month and day: 10月9日."""
        return str(format_date(_business_day(value), _SHORT_DAY[self.key], locale=self.locale))

    def date(self, value: date | datetime) -> str:
        """Year, month, day and weekday."""
        return str(format_date(_business_day(value), _DATE[self.key], locale=self.locale))

    def moment(self, value: datetime) -> str:
        """Date, weekday and clock time in Shanghai."""
        return f"{self.date(value)} {value.astimezone(SHANGHAI):%H:%M}"

    def short_moment(self, value: datetime) -> str:
        """Day, weekday and clock time in Shanghai, without the year."""
        return f"{self.day(value)} {value.astimezone(SHANGHAI):%H:%M}"

    def month(self, month: Month | str) -> str:
        """2026年10月 / October 2026; a period that is no month stays as it is."""
        if isinstance(month, str):
            try:
                month = Month.parse(month)
            except ValueError:
                return str(month)
        return str(format_date(month.first_day, _MONTH[self.key], locale=self.locale))


def _business_day(value: date | datetime) -> date:
    return value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value


@cache
def languages() -> Mapping[str, Language]:
    """The languages of the pages, the default one first."""
    return {key: Language(key, _load(key)) for key in _HTML_LANG}


def _load(key: str) -> NullTranslations:
    """The catalogue of ``key``, compiled in memory: a checkout needs no build step.

    English is the source text and has no catalogue of its own.
    """
    if key == "en":
        return NullTranslations()
    with (CATALOGUES / key / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale=key, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
