"""`./soma test mutation`: are the tests of the modules that everything hangs on worth anything?

mutmut changes one thing at a time in a copy of the tree and runs the tests that pass there; a
change that no test notices is a survivor. Long, so no part of the default run. PostgreSQL and
Valkey are started once, for all mutants. Writes test-report/mutation.md and fails below `LEAST`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Inside var: neither linters nor types look there.
WORK = ROOT / "var" / "mutation"
REPORT = ROOT / "test-report" / "mutation.md"
LEAST = 80.0
SERVE = "--serve"
PROJECT = "pyproject.toml"
# What is judged, and by which tests.
MODULES: dict[str, tuple[str, ...]] = {
    "chat/turns/governor.py": (
        "tests/property/test_governor.py",
        "tests/unit/chat/test_governor_lanes.py",
    ),
    "chat/turns/store.py": ("tests/integration/test_turn_store.py",),
    "health/judging.py": ("tests/unit/health/test_judging.py",),
    "health/monitor.py": ("tests/unit/health/test_monitor.py",),
    "kernel/resilience.py": ("tests/property/test_breaker.py", "tests/unit/kernel"),
}
PACKAGES = ("kernel", "saas", "gateway", "memory", "chat", "health", "webui", "somaagent")
# mutmut's exit codes: a test failed, or the mutant ran for ever.
NOTICED = {1, 3, 24, 36, 152, 255, -24}


@dataclass(frozen=True, slots=True)
class Score:
    """What became of the mutants of one module. `left`: names of those that nothing noticed."""

    module: str
    killed: int
    left: tuple[str, ...]

    @property
    def percent(self) -> float:
        """0..100."""
        return 100.0 * self.killed / max(1, self.killed + len(self.left))


def main(arguments: Sequence[str]) -> int:
    """Run for the modules whose paths contain one of `arguments` (all of them by default)."""
    if list(arguments) == [SERVE]:
        _serve()
        return 0
    chosen = {
        module: tests
        for module, tests in MODULES.items()
        if not arguments or any(argument in module for argument in arguments)
    }
    if not chosen:
        sys.exit(f"No such module. Modules: {', '.join(MODULES)}")
    _copy()
    with _servers() as environ:
        scores = [_run(module, tests, environ) for module, tests in chosen.items()]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(_report(scores))
    print(REPORT.read_text())
    return int(any(score.percent < LEAST for score in scores))


def _copy() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", PROJECT]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).exists():
            (WORK / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, WORK / name)


def _run(module: str, tests: Sequence[str], environ: Mapping[str, str]) -> Score:
    shutil.rmtree(WORK / "mutants", ignore_errors=True)
    # json: its lists of texts are TOML's too.
    (WORK / PROJECT).write_text(f"""{(ROOT / PROJECT).read_text()}
[tool.mutmut]
source_paths = {json.dumps(PACKAGES)}
only_mutate = {json.dumps([module])}
pytest_add_cli_args_test_selection = {json.dumps(tests)}
# What is written to the log is no behaviour.
do_not_mutate_patterns = ['log\\.\\w+']
process_isolation = "forkserver"
use_git_change_detection = false
timeout_multiplier = 4.0
timeout_constant = 5.0
""")
    # One at a time: tests with tables share one database.
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    log = WORK / f"{Path(module).stem}.log"
    print(f"{module}: see {log}", flush=True)
    with log.open("w") as output:
        subprocess.run(command, cwd=WORK, env=environ, check=True, stdout=output, stderr=output)
    meta = json.loads((WORK / "mutants" / f"{module}.meta").read_text())
    codes: dict[str, int | None] = meta["exit_code_by_key"]
    left = tuple(sorted(key for key, code in codes.items() if code not in NOTICED))
    shutil.copytree(WORK / "mutants", WORK / f"mutants-{Path(module).stem}")
    score = Score(module, len(codes) - len(left), left)
    print(f"{module}: {score.percent:.1f} % of {len(codes)}", flush=True)
    return score


@contextmanager
def _servers() -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey in a process of their own; yields the environment of the tests."""
    var_dir = WORK / "var"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SA01_")},
        "SA01_VAR_DIR": str(var_dir),
        "DJANGO_SETTINGS_MODULE": "somaagent.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.mutation", SERVE],
        cwd=WORK,
        env=environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if not process.stdout.readline():
        sys.exit("The servers for the tests did not start.")
    try:
        yield {**environ, "TEST_SERVERS_DIR": str(var_dir)}
    finally:
        process.stdin.close()
        process.wait(30)


def _serve() -> None:
    """Run the servers, ready for tests, until standard input ends."""
    import django

    django.setup()
    from tests.support.services import ready_for_tests

    with ready_for_tests(Path(os.environ["SA01_VAR_DIR"])):
        print("ready", flush=True)
        sys.stdin.read()


def _report(scores: Sequence[Score]) -> str:
    lines = [
        "# Mutation testing",
        "",
        "| Module | Mutants | Noticed | Score |",
        "|---|---|---|---|",
    ]
    for score in scores:
        total = score.killed + len(score.left)
        lines.append(f"| `{score.module}` | {total} | {score.killed} | {score.percent:.1f} % |")
    for score in scores:
        if score.left:
            lines += ["", f"## Nobody noticed in `{score.module}`", ""]
            lines += [f"- `{name}`" for name in score.left]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
