"""The closing report of `./soma test` never calls silence a success."""

import sys
from pathlib import Path

import pytest

from tests.support import report

CASES = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/>
<testcase name="c"><failure message="no"/></testcase>
<testcase name="d"><error message="no"/></testcase>
<testcase name="e"><skipped message="needs Kafka"/></testcase>
<testcase name="f"><skipped message="needs Kafka"/></testcase>
</testsuite></testsuites>"""


def test_counts_and_reasons_are_read_from_the_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unit.xml"
    path.write_text(CASES)
    result = report.read("unit", path, 1)
    assert (result.passed, result.failed, result.skips) == (2, 2, {"needs Kafka": 2})
    assert report.close([result]) == 1
    printed = capsys.readouterr().out
    assert "unit: 2 x needs Kafka" in printed
    assert printed.splitlines()[-1] == "soma: 2 passed, 2 failed, 2 skipped"


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        (None, 5, "it ran no test"),
        (None, 2, "it ran no test"),
        ("<testsuites/>", 0, "it ran no test"),
        ('<testsuites><testcase name="a"/></testsuites>', 3, "it ended with exit code 3"),
        ("<testsuites><testcase", 1, "it ran no test"),
    ],
)
def test_a_suite_that_did_not_do_its_work_fails(
    tmp_path: Path, text: str | None, code: int, problem: str
) -> None:
    path = tmp_path / "unit.xml"
    if text is not None:
        path.write_text(text)
    result = report.read("unit", path, code)
    assert result.problem == problem
    assert report.close([result]) == 1


SPEAKS_TEN_TIMES = """
import pathlib, sys, time
for _ in range(10):
    print(sys.argv[1], "speaks", flush=True)
    time.sleep(0.01)
pathlib.Path(sys.argv[2]).write_text('<testsuites><testcase name="a"/></testsuites>')
"""


def test_suites_run_side_by_side_and_each_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "REPORT_DIR", tmp_path)
    monkeypatch.setattr(
        report,
        "pytest_command",
        lambda suite, path, extra: [sys.executable, "-c", SPEAKS_TEN_TIMES, suite, str(path)],
    )
    assert report.main(["arch", "unit", "property"]) == 0
    printed = capsys.readouterr().out
    for suite in ("unit", "arch", "property"):
        assert f"{suite} speaks\n" * 10 in printed
    assert printed.splitlines()[-1] == "soma: 3 passed, 0 failed, 0 skipped"


def test_leading_words_are_suites_and_the_rest_is_for_pytest() -> None:
    assert report.split([]) == (list(report.SUITES), [])
    assert report.split(["unit", "arch", "-k", "name"]) == (["unit", "arch"], ["-k", "name"])
    assert report.split(["-x"]) == (list(report.SUITES), ["-x"])
    with pytest.raises(SystemExit, match="There is no suite 'units'"):
        report.split(["units"])


def test_a_developers_own_settings_and_keys_reach_no_test() -> None:
    given = {
        "PATH": "/bin",
        "SA01_DB_DSN": "postgresql://production",
        "OPENAI_API_KEY": "sk-real",
        "OPENAI_BASE_URL": "https://paid",
        "SOMA_CHROMIUM": "/usr/bin/chromium",
    }
    kept = {"PATH": "/bin", "SOMA_CHROMIUM": "/usr/bin/chromium"}
    assert report.environment(given) == kept
