"""`./soma test`: runs the suites, two at a time, and closes with one report.

Each suite is its own pytest process with servers of its own and its JUnit file under test-report/,
so that a crash of one is a failure of one. What it prints is shown when it has ended, whole; a
suite that is run alone prints as it goes. A suite that ran no test is a failure: silence is not
success.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import chromium

ROOT = Path(__file__).resolve().parents[2]
REPORT_DIR = ROOT / "test-report"
FRONTEND = "frontend"
# Quick ones first: most mistakes show within a minute. Then the longest, so that both lanes end at
# about the same time; chaos waits more than it works and leaves the processors to others.
SUITES = ("unit", "arch", "property", FRONTEND, "chaos", "integration", "browser", "contract")
NEED_A_BROWSER = {"browser", "chaos"}
LANES = min(2, os.cpu_count() or 1)
NOTHING_COLLECTED = 5  # pytest's exit code; the report says it in words
# What a developer has set for his own installation must not reach a test, nor cost him money.
FOREIGN_PREFIXES = ("SA01_", "SOMA_")
# Names of services, with commas, whose suites must run: they fail where they would skip.
REQUIRE_VARIABLE = "SOMA_TEST_REQUIRE"
FOREIGN_SUFFIXES = ("_API_KEY", "_BASE_URL")


@dataclass(slots=True)
class Result:
    """Counts of one suite; `skips`: {reason: count}; `problem`: why it failed as a whole."""

    suite: str
    passed: int = 0
    failed: int = 0
    skips: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0
    problem: str = ""

    @property
    def skipped(self) -> int:
        """Tests skipped, each with its reason."""
        return sum(self.skips.values())


def main(arguments: Sequence[str]) -> int:
    """Run the suites named first in `arguments`, hand the rest to pytest; return the exit code."""
    suites, extra = split(arguments)
    REPORT_DIR.mkdir(exist_ok=True)
    environ = environment(os.environ)
    results = []
    if NEED_A_BROWSER.intersection(suites):
        found = chromium.find_or_install(environ)
        if isinstance(found, chromium.Missing):
            results = [Result(one, skips={found.reason: 1}) for one in suites if one == "browser"]
            suites = [one for one in suites if one != "browser"]
        else:
            environ[chromium.VARIABLE] = str(found)
    if len(suites) == 1:
        results.append(run_suite(suites[0], extra, environ))
    else:
        results.extend(run_in_lanes(suites, extra, environ))
    return close(sorted(results, key=lambda result: SUITES.index(result.suite)))


def run_in_lanes(
    suites: Sequence[str], extra: Sequence[str], environ: Mapping[str, str]
) -> Iterator[Result]:
    """Run them side by side; what each prints is shown when it has ended."""
    lanes = ThreadPoolExecutor(LANES)
    try:
        logs = {suite: REPORT_DIR / f"{suite}.log" for suite in suites}
        running = [
            lanes.submit(run_suite, suite, extra, environ, log) for suite, log in logs.items()
        ]
        for number, ended in enumerate(as_completed(running), 1):
            result = ended.result()
            print(f"\n== {result.suite} ({number} of {len(suites)})")
            print(logs[result.suite].read_text(errors="replace"), flush=True)
            yield result
    finally:
        # After Ctrl-C, which the suites at work are told too, none of the others begins.
        lanes.shutdown(cancel_futures=True)


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate the leading suite names from what follows."""
    suites: list[str] = []
    for position, argument in enumerate(arguments):
        if argument not in SUITES:
            if not argument.startswith("-") and not suites:
                sys.exit(f"There is no suite {argument!r}. Suites: {', '.join(SUITES)}")
            return suites or list(SUITES), list(arguments[position:])
        suites.append(argument)
    return suites or list(SUITES), []


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without the settings and keys of the developer's own installation."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(FOREIGN_PREFIXES) and not name.endswith(FOREIGN_SUFFIXES)
    }
    for name in (chromium.VARIABLE, REQUIRE_VARIABLE):
        if name in environ:
            kept[name] = environ[name]
    return kept


def run_suite(
    suite: str, extra: Sequence[str], environ: Mapping[str, str], log: Path | None = None
) -> Result:
    """Run one suite and read what it reported. `log`: where it prints, if not here."""
    report = REPORT_DIR / f"{suite}.xml"
    report.unlink(missing_ok=True)
    command = (
        frontend_command(report) if suite == FRONTEND else pytest_command(suite, report, extra)
    )
    print(f"-- {suite} begins", flush=True)
    started = time.monotonic()
    with log.open("wb") if log else nullcontext() as output:
        code = subprocess.run(
            command, cwd=ROOT, env=environ, stdout=output, stderr=output, check=False
        ).returncode
    result = read(suite, report, code)
    result.took_s = time.monotonic() - started
    return result


def pytest_command(suite: str, report: Path, extra: Sequence[str]) -> list[str]:
    """Return the command of a Python suite."""
    options = ["-q", f"--junit-xml={report}", "-o", "junit_family=xunit2"]
    return [sys.executable, "-m", "pytest", f"tests/{suite}", *options, *extra]


def frontend_command(report: Path) -> list[str]:
    """Return the command of the interface's own tests."""
    reporters = ["--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"]
    return ["npm", "--prefix", "webui/frontend", "test", "--", *reporters]


def read(suite: str, report: Path, code: int) -> Result:
    """Read a JUnit file; whatever does not add up is a failure."""
    result = Result(suite)
    if report.exists():
        try:
            for case in ET.parse(report).getroot().iter("testcase"):
                count(case, result)
        except ET.ParseError as exc:
            result.problem = f"its report cannot be read: {exc}"
    if code == NOTHING_COLLECTED or not (result.passed or result.failed or result.skips):
        result.problem = "it ran no test"
    elif code != 0 and result.failed == 0:
        result.problem = f"it ended with exit code {code}"
    return result


def count(case: ET.Element, result: Result) -> None:
    """Add one test case."""
    skipped = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        result.failed += 1
    elif skipped is not None:
        reason = skipped.get("message") or "no reason given"
        result.skips[reason] = result.skips.get(reason, 0) + 1
    else:
        result.passed += 1


def close(results: Sequence[Result]) -> int:
    """Print the closing report; return 0 only when nothing failed."""
    print(f"\n{'suite':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for result in results:
        counts = f"{result.passed:>8}{result.failed:>8}{result.skipped:>9}{result.took_s:>9.1f}"
        print(f"{result.suite:<14}{counts}{'  ' + result.problem if result.problem else ''}")
    reasons = [(result.suite, *pair) for result in results for pair in result.skips.items()]
    if reasons:
        print("\nskipped:")
        for suite, reason, number in reasons:
            print(f"  {suite}: {number} x {reason}")
    passed = sum(result.passed for result in results)
    # A suite that failed as a whole counts as one failure, so that the last line never lies.
    failed = sum(result.failed + bool(result.problem) for result in results)
    skipped = sum(result.skipped for result in results)
    print(f"\nsoma: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
