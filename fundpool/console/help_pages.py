"""The help of the commands in one language; in the source every text stands as "Chinese / English"."""

import re
from typing import TYPE_CHECKING, Any

from fundpool.console.language import choose, language, one_language

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

_TITLES = {"Commands": "命令", "Parameters": "参数", "Arguments": "参数"}
_USAGE = {"Usage:": "用法：", "COMMAND": "命令", "[ARGS]": "[参数]", "[OPTIONS]": "[选项]"}
_STANDARD = {
    "Display this message and exit.": "显示本说明",
    "Display application version.": "显示版本",
}


class OneLanguage:
    """Renders what Cyclopts has collected, in the terminal's language."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Render a panel of commands or options."""
        from cyclopts.help import DefaultFormatter

        title = choose(_TITLES.get(str(panel.title), str(panel.title)), str(panel.title))
        entries = [_entry(each) for each in panel.entries]
        DefaultFormatter()(console, options, panel.copy(title=title, entries=entries))

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
        """Render the line of usage."""
        text = f"Usage: {str(usage).strip()}"
        if language() == "zh":
            for word, zh in _USAGE.items():
                text = text.replace(word, zh)
        console.print(f"{text}\n", highlight=False, markup=False)

    def render_description(self, console: "Console", options: "ConsoleOptions", description: Any) -> None:
        """Render what a command does, paragraph by paragraph."""
        for paragraph in _plain(description).split("\n\n"):
            text = one_language(" ".join(paragraph.split()))
            # A line of the source ends between Chinese characters without a blank.
            text = re.sub("(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", text)
            console.print(f"{text}\n", highlight=False, markup=False)


def _plain(text: Any) -> str:
    """The words of a text of Cyclopts, which wraps them for rich."""
    words = getattr(text, "primary_renderable", text)
    return str(getattr(words, "plain", words or "")).strip()


def _entry(entry: "HelpEntry") -> "HelpEntry":
    """The entry's text in one language, and in Chinese what Cyclopts adds of its own."""
    from rich.text import Text

    text = one_language(" ".join(_plain(entry.description).split()))
    if language() == "en":
        return entry.copy(description=Text(text))
    notes = [
        f"[可选值：{', '.join(entry.choices)}]" if entry.choices else "",
        f"[缺省：{entry.default}]" if entry.default is not None else "",
        "[必填]" if entry.required else "",
    ]
    words = " ".join(filter(None, [_STANDARD.get(text, text), *notes]))
    return entry.copy(description=Text(words), choices=None, default=None, required=False)
