"""Whether recall finds what answers, beside BM25 in the same run, and else is silent.

Long dialogues of one person with an assistant, or of two people, over months (`bench.quality`),
each in a tenant of its own. The figures are of the dialogues that nothing was tuned on; the others
are in the note. Recall at 10: which share of the turns that answer a question is among ten.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.machine import ROOT
from bench.target import Figure, Quote

if TYPE_CHECKING:
    from bench.runner import Bench

Answer = dict[str, Any]
HARD = ("paraphrase", "multi-hop")
CLASSES = ("single", *HARD, "time", "update", "person")


def run(bench: "Bench") -> list[Figure | Quote]:
    """Three figures against their targets, and all classes for reading."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.quality"],
        cwd=ROOT,
        env={
            **os.environ,
            "SA01_VAR_DIR": str(bench.stand().up.var_dir),
            "SA01_LOG_LEVEL": "error",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    answers: list[Answer] = bench.keep("memory-quality", json.loads(done.stdout.splitlines()[-1]))
    held = [one for one in answers if one["held_out"]]
    tuned = [one for one in answers if not one["held_out"]]
    said, never = _parted(held)
    said_tuned, never_tuned = _parted(tuned)
    hard = [one for one in said if one["kind"] in HARD]
    hard_tuned = [one for one in said_tuned if one["kind"] in HARD]
    return [
        Figure(
            "recall at 10 above BM25, held out",
            _gain(said),
            0.15,
            "",
            3,
            f"{_compared(said)}, {len(said)} questions; tuned {_compared(said_tuned)}",
            is_least=True,
        ),
        Figure(
            "the same of multi-hop and paraphrase",
            _gain(hard),
            0.25,
            "",
            3,
            f"{_compared(hard)}; tuned {_compared(hard_tuned)}",
            is_least=True,
        ),
        Figure(
            "silent about what was never said, if only answers are wanted",
            _silent(never, "sure"),
            90,
            " %",
            1,
            f"{len(never)} questions; tuned {_silent(never_tuned, 'sure'):.1f} %; "
            f"of the answerable {100 - _silent(said, 'sure'):.0f} % are answered then, "
            f"{100 - _silent(said, 'ours'):.0f} % by default",
            is_least=True,
        ),
        Quote(
            "recall at 10 / BM25 by class, held out",
            ", ".join(
                f"{kind} {_compared([one for one in said if one['kind'] == kind])}"
                for kind in CLASSES
            ),
            "measured here",
        ),
        Quote(
            "an answer comes first",
            f"{_first(said, 'ours'):.3f} / {_first(said, 'bm25'):.3f} by BM25, held out",
            "measured here",
        ),
    ]


def _parted(answers: Iterable[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Questions with an answer, and those about what was never said."""
    given = list(answers)
    return [one for one in given if one["answers"]], [one for one in given if not one["answers"]]


def _recall(answers: list[Answer], searcher: str) -> float:
    return fmean(len({*one[searcher]} & {*one["answers"]}) / len(one["answers"]) for one in answers)


def _gain(answers: list[Answer]) -> float:
    return _recall(answers, "ours") - _recall(answers, "bm25")


def _compared(answers: list[Answer]) -> str:
    """Ours, plain BM25 and BM25 with stems."""
    figures = [_recall(answers, searcher) for searcher in ("ours", "bm25", "bm25_stemmed")]
    return "{:.2f} / {:.2f} / {:.2f}".format(*figures)


def _first(answers: list[Answer], searcher: str) -> float:
    return fmean(not {*one[searcher][:1]}.isdisjoint(one["answers"]) for one in answers)


def _silent(answers: list[Answer], searcher: str) -> float:
    return 100 * fmean(not one[searcher] for one in answers)
