"""Whatever stands in the address bar, a reader gets a page and never a breakdown."""

import functools
from urllib.parse import quote

from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from fundpool.console.dashboard.app import create_app
from tests.browser.imagined_month import NOW, ImaginedReader

PATHS = st.sampled_from(["/", "/transfers", "/balances", "/findings", "/api/status"])
WORDS = st.one_of(
    st.sampled_from(["taizhou", "suizhou", "2026-10", "1999-12", "2026-00", "zh", "en", "late", "1", ""]),
    st.text(max_size=40),
)
QUERIES = st.dictionaries(
    st.sampled_from(["city", "month", "lang", "show", "live", "other"]), WORDS, max_size=6
)


@functools.cache
def client() -> TestClient:
    return TestClient(create_app(ImaginedReader(), lambda: NOW), raise_server_exceptions=False)


@settings(deadline=None)
@given(path=PATHS, query=QUERIES)
def test_any_query_gets_a_page_or_an_explained_error(path: str, query: dict[str, str]) -> None:
    answer = client().get(path, params=query)
    # The API refuses what its description does not name (422).
    assert answer.status_code in ({200, 404, 422} if path.startswith("/api/") else {200, 404})
    assert "Traceback" not in answer.text
    if answer.headers["content-type"].startswith("text/html"):
        assert "<script" not in answer.text.lower()


@settings(deadline=None)
@given(unit=st.text(max_size=30).filter(lambda text: text not in {".", ".."}))
def test_any_county_code_gets_a_page_or_an_explained_error(unit: str) -> None:
    answer = client().get(f"/counties/{quote(unit, safe='')}", params={"city": "taizhou", "month": "2026-10"})
    assert answer.status_code in {200, 404}
