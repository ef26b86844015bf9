"""Pages that commands write, in a real browser: drawn, inside their frame, and silent, in both schemes and widths."""

import shutil

import pytest

from tests.report_page import page, queue_page

pytestmark = pytest.mark.browser
FLAGS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]
VISIBLE = """return [...document.querySelectorAll('svg')].map(svg => {
  const box = svg.getBoundingClientRect(), frame = svg.parentElement.getBoundingClientRect();
  return {scheme: svg.classList[0], left: box.left - frame.left, right: frame.right - box.right,
          top: box.top - frame.top, bottom: frame.bottom - box.bottom, width: box.width, height: box.height};
}).filter(box => box.width > 0)"""
OUTSIDE = """return [...document.querySelectorAll('body *')].filter(node => {
  const box = node.getBoundingClientRect();
  return !node.closest('svg, thead') && (box.left < 0 || box.right > innerWidth + 0.5);
}).map(node => node.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def chrome():
    from selenium import webdriver  # not of the test extra: `make test` deselects this file

    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser, "apt-get install chromium"
    assert driver, "apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        yield chrome


@pytest.mark.parametrize("written", [page, queue_page], ids=["tour", "plan-queue"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_every_picture_is_drawn_inside_its_frame(chrome, tmp_path, written, width, scheme):
    path = tmp_path / "report.html"
    path.write_text(written(), encoding="utf-8")
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    chrome.get(path.as_uri())

    dark = chrome.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    assert (chrome.execute_script("return innerWidth"), dark) == (width, scheme == "dark")
    boxes = chrome.execute_script(VISIBLE)
    assert len(boxes) == written().count("<figure")
    for box in boxes:
        assert box["scheme"] == scheme
        assert min(box[side] for side in ("left", "right", "top", "bottom")) >= 0, box
        assert box["width"] > 250
        assert box["height"] > 150
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    assert chrome.execute_script(OUTSIDE) == []
    assert [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"] == []
    picture = tmp_path / f"report-{width}-{scheme}.png"
    assert chrome.save_screenshot(picture)
    assert picture.stat().st_size > 10_000
