"""What MkDocs does for the handbook beside its own work: pictures, links out of ``docs/``, languages, scripts in files.

A page names a picture as ``![caption](picture:NAME)``. The browser tests make it in each language; a build
without pictures (a plain clone, no Chromium) leaves it out.
"""

import json
import logging
import re
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from icu import BreakIterator, Locale
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_log = logging.getLogger("mkdocs.hooks.handbook")

LANGUAGES = ("zh", "en")
"""The folders of the pages, and the ends of the pictures' names."""

PICTURES = {
    "login": "the log-in",
    "tasks": "a maker's tasks",
    "board": "the month's board",
    "county-returned": "a county's desk on a phone: the file went back",
    "county-passed": "the same: the corrected file passed",
    "review": "the review desk",
    "case": "one case with its comparisons",
    "review-second": "the review desk of the second person",
    "finance": "finance's review, line by line",
    "batch-approve": "a batch before it is approved",
    "batch-release": "a batch before it is released: the total and the password",
    "order": "one payment's life",
    "payments-done": "the payment desk when all has arrived",
    "flow": "the way of the money",
    "balances": "the balances of every account",
    "leader": "the leader's page",
    "audit": "the audit trail",
    "lineage": "where a payment comes from",
    "operating": "the operating page after a step failed",
    "preview": "what a step would do, before it runs",
    "papers": "the papers to be signed",
    "users": "the accounts of people",
}
"""Every screenshot by the name under which a browser test makes it, ``NAME.LANGUAGE.png``."""

_PICTURE = re.compile(r"^!\[([^]]+)\]\(picture:([a-z-]+)\)$", re.MULTILINE)
_UPWARDS = re.compile(r"\[([^]]+)\]\(((?:\.\./)+)([^)]+)\)")
_INLINE = re.compile(r"<script>(.+?)</script>", re.DOTALL)
_ALTERNATE = re.compile(r'\s*<link rel="alternate"[^>]*>')
"""By these the theme's script asks for the site map of each language, as if it were a site of its own."""
_LAST_LEFT_OUT = re.compile(r"(\w)<(\w)\.length;\1\+\+\)\2\.slice\(")
"""Where the theme's search divides a Chinese query by the words of the index, of which it misses those at the end."""
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take in the pictures: all of them, or none where none were made."""
    folder = Path(config.extra["pictures"]).absolute()
    if not folder.is_dir():
        _log.info("no pictures at %s: the handbook is built without", folder)
        return files
    for picture in (folder / f"{name}.{language}.png" for name in PICTURES for language in LANGUAGES):
        if picture.is_file():
            files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
        else:
            _log.warning("no browser test made %s", picture.name)  # fails a strict build
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put pictures in their places, and name files that are no pages."""
    language = page.file.src_uri.partition("/")[0]
    if language in LANGUAGES:
        # Before the catalogues, which have every word, and a Chinese page before an English one that quotes it.
        page.meta["search"] = {"boost": {"zh": 10, "en": 5}[language]}

    def shown(found: re.Match[str]) -> str:
        caption, name = found.groups()
        if name not in PICTURES:
            raise KeyError(f"{page.file.src_uri}: no picture is called {name}")
        picture = f"pictures/{name}.{language}.png"
        if files.get_file_from_path(picture) is None:
            return ""
        return f"[![{caption}](../{picture}){{ loading=lazy }}](../{picture})\n*{caption}*"

    def named(found: re.Match[str]) -> str:
        # Above docs/ is a file of the repository, which an installation may not have.
        text, upwards, path = found.groups()
        return f"{text} (`{path}`)" if upwards.count("/") > page.file.src_uri.count("/") else found[0]

    return _PICTURE.sub(shown, _UPWARDS.sub(named, markdown))


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: object) -> dict[str, Any]:
    """Lead the choice of a language to the same page; the reference is there once."""
    folder, _, rest = page.url.partition("/")
    for alternate in config.extra["alternate"]:
        alternate["link"] = f"{alternate['lang']}/{rest if folder in LANGUAGES else ''}"
    return context


def on_post_build(config: MkDocsConfig) -> None:
    """Keep scripts out of pages, so that they are served with a policy that allows none in them; words for the search."""
    site = Path(config.site_dir)
    for unused in (site / "404.html", *site.rglob("*.map")):  # the console has its own; a debugger's
        unused.unlink()
    for page in site.rglob("*.html"):
        root = "../" * (len(page.relative_to(site).parts) - 1)
        text = _ALTERNATE.sub("", page.read_text(encoding="utf-8"))
        page.write_text(_INLINE.sub(partial(_script_file, site, root), text), encoding="utf-8")
    _prepare_search(site, Path(config.docs_dir))


def _prepare_search(site: Path, docs: Path) -> None:
    """Set the words of the index apart, and have the search look for the whole of a Chinese query.

    Raises RuntimeError when the theme's script is not the one that leaves the query's last character out.
    """
    terms = chinese_terms((docs / "glossary.md").read_text(encoding="utf-8"))
    index = site / "search/search_index.json"
    found = json.loads(index.read_text(encoding="utf-8"))
    for entry in found["docs"]:
        entry["title"], entry["text"] = words_apart(entry["title"], terms), words_apart(entry["text"], terms)
    index.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    (worker,) = (site / "assets/javascripts/workers").glob("search.*.js")
    script, changed = _LAST_LEFT_OUT.subn(r"\1<=\2.length;\1++)\2.slice(", worker.read_text(encoding="utf-8"))
    if changed != 1:
        raise RuntimeError("the theme's search splits a Chinese query otherwise: look at _LAST_LEFT_OUT")
    worker.write_text(script, encoding="utf-8")


def _script_file(site: Path, root: str, found: re.Match[str]) -> str:
    script = found[1]
    name = f"assets/javascripts/{sha256(script.encode()).hexdigest()[:16]}.js"
    (site / name).write_text(script, encoding="utf-8")
    return f'<script src="{root}{name}"></script>'


def chinese_terms(glossary: str) -> re.Pattern[str]:
    """The glossary's terms of three characters and more that hold no other one: the search keeps them whole."""
    rows = re.findall(r"^\|([^|]+)\|", glossary, re.MULTILINE)
    named = {term for row in rows for term in _HAN.findall(row) if len(term) > 2}
    shortest = {term for term in named if not any(other in term for other in named - {term})}
    return re.compile("(" + "|".join(sorted(shortest)) + ")")


def words_apart(text: str, terms: re.Pattern[str]) -> str:
    """The text with a zero-width space between Chinese words, at which the search separates them."""

    def apart(found: re.Match[str]) -> str:
        parts = terms.split(found[0])  # every second one is a term
        words = [word for n, part in enumerate(parts) for word in ([part] if n % 2 else _words(part))]
        return "\u200b" + "\u200b".join(words) + "\u200b"

    return _HAN.sub(apart, text)


def _words(text: str) -> list[str]:
    words = BreakIterator.createWordInstance(Locale.getChinese())
    words.setText(text)
    ends = [0, *words]
    return [text[start:end] for start, end in pairwise(ends)]
