"""One term for one thing: what docs/glossary.md puts aside stands on no page, in no message and no document."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
FOLDERS = (
    "fundpool/console",
    "fundpool/services",
    "fundpool/domain/month.py",
    "flows",
    "tasks",
    "docs",
    "README.md",
    "README.zh-CN.md",
)
READ = (".py", ".html", ".po", ".md")
QUOTE = re.compile("「[^」]*」")


def put_aside() -> list[tuple[str, str]]:
    """Each word that is not used, with the term that stands for it."""
    section = GLOSSARY.read_text(encoding="utf-8").split("\n## ")[1]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:2] == "| "
    ]
    return [
        (word.strip(), term)
        for term, _, words, _ in rows[1:]
        for word in re.split("[、；]", words)
        if word.strip() != "–"
    ]


def _pages() -> list[Path]:
    found = [ROOT / each for each in FOLDERS]
    files = [file for each in found for file in ([each] if each.is_file() else each.rglob("*"))]
    return [file for file in files if file.suffix in READ and file != GLOSSARY]


def test_the_glossary_puts_words_aside() -> None:
    assert len(put_aside()) > 30
    assert len(_pages()) > 100


@pytest.mark.parametrize(("word", "term"), put_aside())
def test_a_word_put_aside_stands_nowhere(word: str, term: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()[:120]}"
        for file in _pages()
        for line in QUOTE.sub("", file.read_text(encoding="utf-8")).splitlines()
        if word.lower() in line.lower()
    ]
    assert found == [], f"the term is {term}"
