"""What the fault tests ask for: the real command, as the acceptance tests run it, and numbers to report."""

from collections.abc import Callable

import pytest

from acceptance import conftest as acceptance
from acceptance.conftest import Command

server = acceptance.server
ready_to_start = acceptance.ready_to_start
first_start = acceptance.first_start
captiond = acceptance.captiond
impatient = acceptance.impatient
watching = acceptance.watching
outside = acceptance.outside
sidecar_of = acceptance.sidecar_of
free_port = acceptance.free_port
eventually = acceptance.eventually

Measured = Callable[[str], None]


@pytest.fixture
def lonely(captiond: Command, free_port: int) -> Command:
    """captiond without a model server: photos become known, and wait."""
    captiond.url = f"http://127.0.0.1:{free_port}"
    return captiond


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Have a sentence with a number told at the end of the run."""
    return lambda sentence: record_property("measured", sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = [
        f"{report.nodeid.rpartition('::')[2]}: {sentence}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, sentence in report.user_properties
        if name == "measured"
    ]
    if told:
        terminalreporter.section("measured")
        for line in told:
            terminalreporter.write_line(line)
