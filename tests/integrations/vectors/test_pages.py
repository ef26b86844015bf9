import pytest

from tests import pages

pytestmark = [
    pytest.mark.vectors,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what these packages import
    pytest.mark.filterwarnings("ignore::FutureWarning:torch.*"),
]


@pytest.mark.parametrize("page", pages.pages("vectors"), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_example_inside_a_store_of_vectors_prints_what_its_page_says(page):
    assert pages.refreshed(page, "vectors") == page.read_text(encoding="utf-8"), "tests/pages.py vectors writes it anew"
