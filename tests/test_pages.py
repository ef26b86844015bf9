import pytest

from tests import pages


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_example_prints_what_its_page_says(page):
    assert pages.refreshed(page) == page.read_text(encoding="utf-8"), "make pages writes the pages anew"
