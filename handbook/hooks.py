"""What MkDocs does for the handbook beside its own work: pictures, links out of ``docs/``, languages, scripts in files.

A page names a picture as ``![caption](picture:NAME)``. The browser tests make it in each language; a build
without pictures (a plain clone, no Chromium) leaves it out.
"""

import json
import re
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from icu import BreakIterator, Locale
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

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
}
"""Every screenshot by the name under which a browser test makes it, ``NAME.LANGUAGE.png``."""

_PICTURE = re.compile(r"^!\[([^]]+)\]\(picture:([a-z-]+)\)$", re.MULTILINE)
_OUTSIDE = re.compile(r"\[([^]]+)\]\((?:\.\./)+((?!docs/)[^)]+)\)")
"""A link to a file of the repository that is no page: named, since an installation may not have it."""
_INLINE = re.compile(r"<script>(.+?)</script>", re.DOTALL)
_ALTERNATE = re.compile(r'\s*<link rel="alternate"[^>]*>')
"""By these the theme's script asks for the site map of each language, as if it were a site of its own."""
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take in the pictures that there are."""
    for picture in sorted(Path(config.extra["pictures"]).glob("*.png")):
        name, _, language = picture.stem.rpartition(".")
        if name in PICTURES and language in LANGUAGES:
            files.append(
                File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture.absolute()))
            )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put pictures in their places, and name files that are no pages."""
    language = page.file.src_uri.partition("/")[0]
    if language in LANGUAGES:
        page.meta["search"] = {"boost": 10}  # before the catalogues, which have every word

    def shown(found: re.Match[str]) -> str:
        caption, name = found.groups()
        if name not in PICTURES:
            raise KeyError(f"{page.file.src_uri}: no picture is called {name}")
        picture = f"pictures/{name}.{language}.png"
        if files.get_file_from_path(picture) is None:
            return ""
        return f"[![{caption}](../{picture}){{ loading=lazy }}](../{picture})\n*{caption}*"

    return _OUTSIDE.sub(r"\1 (`\2`)", _PICTURE.sub(shown, markdown))


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: object) -> dict[str, Any]:
    """Lead the choice of a language to the same page; the reference is there once."""
    folder, _, rest = page.url.partition("/")
    for alternate in config.extra["alternate"]:
        alternate["link"] = f"{alternate['lang']}/{rest if folder in LANGUAGES else ''}"
    return context


def on_post_build(config: MkDocsConfig) -> None:
    """Keep scripts out of pages, so that they are served with a policy that allows none in them; words for the search."""
    site = Path(config.site_dir)
    (site / "404.html").unlink()  # the console has its own
    for page in site.rglob("*.html"):
        root = "../" * (len(page.relative_to(site).parts) - 1)
        text = _ALTERNATE.sub("", page.read_text(encoding="utf-8"))
        page.write_text(_INLINE.sub(partial(_script_file, site, root), text), encoding="utf-8")
    index = site / "search/search_index.json"
    found = json.loads(index.read_text(encoding="utf-8"))
    for entry in found["docs"]:
        entry["title"], entry["text"] = words_apart(entry["title"]), words_apart(entry["text"])
    index.write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _script_file(site: Path, root: str, found: re.Match[str]) -> str:
    script = found[1]
    name = f"assets/javascripts/{sha256(script.encode()).hexdigest()[:16]}.js"
    (site / name).write_text(script, encoding="utf-8")
    return f'<script src="{root}{name}"></script>'


def words_apart(text: str) -> str:
    """The text with a zero-width space between Chinese words, at which the search separates them."""
    return _HAN.sub(lambda found: "\u200b" + "\u200b".join(_words(found[0])) + "\u200b", text)


def _words(text: str) -> list[str]:
    words = BreakIterator.createWordInstance(Locale.getChinese())
    words.setText(text)
    ends = [0, *words]
    return [text[start:end] for start, end in zip(ends, ends[1:], strict=False)]
