import pytest

from tests import pages

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),  # of torchao
    pytest.mark.filterwarnings("ignore:index_reduce:UserWarning"),
]


@pytest.mark.parametrize("page", pages.pages("torch"), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_example_inside_torch_prints_what_its_page_says(page):
    assert pages.refreshed(page, "torch") == page.read_text(encoding="utf-8"), "tests/pages.py torch writes them anew"
