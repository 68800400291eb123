from tests.architecture.checks_page import PAGE, checks_page


def test_the_catalogue_of_checks_is_what_the_suites_declare() -> None:
    assert PAGE.read_text(encoding="utf-8") == checks_page(), "run: make docs"
