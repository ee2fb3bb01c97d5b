"""Reports of small runs, opened in Chromium.

The tests are skipped where Playwright or a browser is missing, with a message; with the variable
``SCSSIM_BROWSER=required`` they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import scssim
from browser.window import DESK

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

RUNS: dict[str, dict[str, Any]] = {
    "base": {"scenario": "back_leg_uk", "patients": 300},
    "trial": {"scenario": "senza_rct", "patients": 300},
    "decision": {
        "scenario": "decision_uk", "patients": 100, "draws": 100,
        "set": {
            "analyses.dsa.patients": 100, "analyses.cases.patients": 200,
            "analyses.two_way.price_and_loss.patients": 50, "analyses.thresholds": None,
        },
    },
    "service": {
        "scenario": "pain_service", "patients": 150, "engine": "des",
        "set": {"service.replications.number": 3, "analyses.capacity.levels": [6, 9]},
    },
}  # fmt: skip
"""One run of each kind."""


@pytest.fixture(scope="session", params=list(RUNS))
def directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Path:
    """Directory of a run, made only if there is a browser to open it in."""
    asked = dict(RUNS[request.param])
    out = tmp_path_factory.mktemp("runs") / request.param
    loaded = scssim.load(asked.pop("scenario"), asked.pop("set", None))
    scssim.run(loaded, out=out, **asked)
    return out


def _unavailable(why: str) -> None:
    if os.environ.get("SCSSIM_BROWSER") == "required":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _unavailable('Playwright is not installed: pip install ".[browser]"')
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        _unavailable("there is no Chromium: install it from the packages of the system (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, directory: Path) -> Iterator[Callable[..., Any]]:
    """Open the report in a window of some width and colour scheme; what it asks for and complains of is kept."""
    contexts = []

    def open_page(width: int = DESK, scheme: str = "light", path: Path = directory / "report.html") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.requests = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
