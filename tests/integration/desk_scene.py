"""Taizhou's October at the desks: the pages over a real month, with an account for everybody who acts."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from fundpool.console.dashboard.app import DashboardOptions, create_app
from fundpool.console.dashboard.reading import MonthReader
from fundpool.domain.rights import Role
from tests.accounts import enter, token_of
from tests.integration.month_scene import CityScene, at

MAKER, SECOND_MAKER, CHECKER, SECOND_CHECKER = "王初审", "吴初审", "李复核", "钱审批"
FINANCE, RELEASER = "赵财政", "孙放行"
POSTS = {
    MAKER: Role.MAKER,
    SECOND_MAKER: Role.MAKER,
    CHECKER: Role.CHECKER,
    SECOND_CHECKER: Role.CHECKER,
    FINANCE: Role.RELEASER,
    RELEASER: Role.RELEASER,
}


@dataclass
class Desks:
    """The served pages; ``now`` is the business clock and the machine's."""

    scene: CityScene
    now: datetime = field(default_factory=lambda: at("2026-09-28 09:00"))

    def __post_init__(self) -> None:
        for name, role in POSTS.items():
            enter(self.scene.ports.database, name, role)
        reader = MonthReader(self.scene.ports)
        options = DashboardOptions(time_of_day=lambda: self.now, only_known_then=True)
        self.app: FastAPI = create_app(reader, lambda: self.now, options)

    @property
    def place(self) -> str:
        return f"?city={self.scene.policy.key}&month={self.scene.month}"

    def of(self, name: str) -> "Browser":
        """The browser of somebody who has logged in."""
        client = TestClient(self.app, follow_redirects=False)
        client.cookies.set("session", token_of(self.scene.ports.database, name, self.now))
        return Browser(client, self.place)

    def at(self, moment: str) -> None:
        """Go on to the moment; everybody logs in anew."""
        self.now = at(moment)


@dataclass
class Browser:
    """Somebody's browser, which sends the forms that a page holds."""

    client: TestClient
    place: str

    def see(self, path: str) -> str:
        """The page's text as it is served."""
        answer = self.client.get(path if "?" in path else path + self.place + "&lang=en")
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def form(self, page: str, action: str, **hidden: str) -> "Form":
        """The form of ``page`` whose action ends so and which holds these hidden fields."""
        return next(each for each in forms_of(self.see(page)) if each.fits(action, hidden))

    def send(self, page: str, action: str, fields: dict[str, str] | None = None, **hidden: str) -> Response:
        """Fill in and send that form."""
        return self.post(self.form(page, action, **hidden), fields)

    def post(self, form: "Form", fields: dict[str, str] | None = None) -> Response:
        """Send a form that was opened before."""
        return self.client.post(form.action, data=form.hidden | (fields or {}))


@dataclass(frozen=True)
class Form:
    action: str
    hidden: dict[str, str]
    is_enabled: bool

    def fits(self, action: str, hidden: dict[str, str]) -> bool:
        """Whether the form goes there with these hidden fields."""
        return self.action.partition("?")[0].endswith(action) and hidden.items() <= self.hidden.items()


def forms_of(page: str) -> list[Form]:
    """The forms of a page that send something."""
    found = re.findall(r'<form[^>]*method="post" action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL)
    return [
        Form(
            action,
            dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', body)),
            is_enabled="disabled" not in body,
        )
        for action, body in found
    ]
