"""What a reader sees: every page, both languages, desk and phone, with and without JavaScript."""

import httpx
import pytest

from tests.browser.imagined_month import ACCOUNT, HOSTILE

pytestmark = pytest.mark.browser

PAGES = ("/", "/counties/331004", "/transfers", "/balances", "/findings")
HEADINGS = {
    "/": ("台州市 2026年10月", "Taizhou October 2026"),
    "/counties/331004": ("台州市 路桥区 2026年10月", "Taizhou Luqiao October 2026"),
    "/transfers": ("拨付款项 台州市 2026年10月", "Transfers Taizhou October 2026"),
    "/balances": ("账户余额 台州市", "Balances Taizhou"),
    "/findings": ("问题清单 台州市 2026年10月", "Findings Taizhou October 2026"),
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_drawn_in_both_languages_and_calls_nobody_outside(visit, imagined_url, lang):
    seen = visit(f"{imagined_url}/?lang={lang}")
    for path in PAGES:
        seen.page.goto(imagined_url + path)
        heading = " ".join(seen.page.inner_text("h1").split())
        assert heading == HEADINGS[path][lang == "en"]
        assert seen.page.get_attribute("html", "lang") == {"zh": "zh-CN", "en": "en"}[lang]
    assert seen.complaints == []
    assert len(seen.requests) > len(PAGES)
    assert [url for url in seen.requests if not url.startswith(imagined_url + "/")] == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_page_is_wider_than_a_phone(visit, imagined_url, lang):
    page = visit(f"{imagined_url}/?lang={lang}", width=390).page
    for path in PAGES:
        page.goto(imagined_url + path)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path


def test_a_page_reads_the_same_without_javascript(visit, imagined_url):
    without = visit(imagined_url, scripts=False).page
    with_scripts = visit(imagined_url).page
    for path in PAGES:
        without.goto(imagined_url + path)
        with_scripts.goto(imagined_url + path)
        assert without.inner_text("body") == with_scripts.inner_text("body")


def test_english_is_remembered_when_it_was_chosen_once(visit, imagined_url):
    page = visit(imagined_url).page
    page.click("text=English")
    page.click("text=Transfers")
    assert page.inner_text("h1").startswith("Transfers")


def test_the_matrix_has_a_row_a_county_and_a_column_a_duty(visit, imagined_url):
    page = visit(f"{imagined_url}/?lang=en").page
    assert page.locator(".matrix tbody th[scope=row]").count() == 9
    assert page.locator(".matrix thead th[scope=col]").count() == 4
    assert "Overdue 14 days" in page.locator(".matrix tbody tr", has_text="Xianju").inner_text()
    assert page.locator(".strip li").count() == 4


def test_money_with_an_unknown_outcome_comes_first(visit, imagined_url):
    page = visit(f"{imagined_url}/?lang=en").page
    first = page.locator("main > section").first
    assert "1 transfer is held, sent back or of unknown outcome" in first.inner_text()
    assert "18,654,568.67 yuan" in first.inner_text()


def test_a_county_and_its_fund_stand_apart_in_the_list_of_what_to_look_at(visit, imagined_url):
    names = visit(f"{imagined_url}/?lang=en").page.locator(".flags .unit-name").all_inner_texts()
    assert "Jiaojiang\nResident scheme" in names


def test_the_filter_for_late_counties_lists_no_other(visit, imagined_url):
    page = visit(f"{imagined_url}/?lang=en").page
    page.click("text=Late or returned")
    names = page.locator(".matrix tbody th a").all_inner_texts()
    assert names == ["Luqiao", "Xianju", "Yuhuan"]


def test_a_county_is_reached_from_the_board_by_keyboard_alone(visit, imagined_url):
    page = visit(f"{imagined_url}/?lang=en").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Jiaojiang":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/counties/331002*")


def test_an_article_is_read_on_demand_without_a_script(visit, imagined_url):
    page = visit(f"{imagined_url}/?lang=en", scripts=False).page
    quote = page.locator(".matrix thead blockquote").first
    assert not quote.is_visible()
    page.locator(".matrix thead summary").first.click()
    assert "每月25日前" in quote.inner_text()


def test_the_first_column_stays_while_the_matrix_scrolls(visit, imagined_url):
    page = visit(imagined_url, width=390).page
    before = page.locator(".matrix tbody th").first.bounding_box()
    page.evaluate("document.querySelector('.matrix').parentElement.scrollLeft = 300")
    after = page.locator(".matrix tbody th").first.bounding_box()
    assert page.evaluate("document.querySelector('.matrix').parentElement.scrollLeft") == 300
    assert after["x"] == before["x"]


def test_what_a_county_wrote_is_shown_and_never_run(visit, imagined_url):
    for path in ("/counties/331004", "/findings"):
        seen = visit(imagined_url + path)
        assert HOSTILE in seen.page.inner_text("body")
        assert seen.page.title() != "owned"
        assert seen.complaints == []


def test_nothing_a_page_says_is_in_a_script_or_a_style_attribute(imagined_url):
    for path in PAGES:
        html = httpx.get(imagined_url + path).text
        assert "<script" not in html
        assert " style=" not in html
        assert "javascript:" not in html


def test_an_account_number_shows_its_last_four_digits_only(imagined_url):
    for path in PAGES:
        assert ACCOUNT not in httpx.get(imagined_url + path).text
    assert "尾号 0123" in httpx.get(imagined_url + "/transfers").text


def test_text_stands_out_from_its_ground_as_wcag_aa_requires(visit, imagined_url):
    page = visit(imagined_url).page
    for path in PAGES:
        page.goto(imagined_url + path)
        assert page.evaluate(_POOR_CONTRAST) == []


def test_a_page_for_a_wall_display_reloads_itself_and_others_do_not(imagined_url):
    assert 'http-equiv="refresh" content="60"' in httpx.get(f"{imagined_url}/?live=1").text
    assert "http-equiv" not in httpx.get(imagined_url).text


def test_the_board_prints_with_every_county(visit, imagined_url):
    page = visit(imagined_url).page
    page.emulate_media(media="print")
    assert not page.locator(".top nav").is_visible()
    assert page.locator(".matrix tbody tr").count() == 9
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"


_POOR_CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('svg') || !element.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(element.className + ': ' + element.textContent.trim() + ' ' + ratio.toFixed(2));
  }
  return poor;
}"""
