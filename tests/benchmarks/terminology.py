"""`python -m tests.benchmarks.terminology`: operations of the terminology over HTTP on an invented edition of 350,000 concepts,
each against an operation that answers with stored bytes of the same size (see static).

The edition is written as RF2 files and loaded by the command, which is timed. Every answer of the first round is compared
with what plain sets say; arguments are drawn at random, others in each round.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote

import orjson
import uvloop

from terminology.records import Concept, Member, Parent, Property, Record, Term

from .. import editions, serving
from ..editions import Oracle
from ..releases.snomed import (
    CASELESS,
    CORE,
    FSN,
    HEADERS,
    INFERRED,
    IS_A,
    PREFERRED,
    PRIMITIVE,
    SOME,
    SYNONYM,
    US,
)
from ..serving import postmaster
from .client import Client
from .figures import Side, alternate
from .processes import children
from .static import installed

PATH: Final = "/fhir/default"
SIZE: Final = 350_000
SYSTEM: Final = "http://snomed.info/sct"
DATE: Final = "20300131"
_FILES: Final = {
    "sct2_Concept": "Terminology/sct2_Concept_Snapshot_INT",
    "sct2_Description": "Terminology/sct2_Description_Snapshot-en_INT",
    "sct2_Relationship": "Terminology/sct2_Relationship_Snapshot_INT",
    "der2_cRefset_Language": "Refset/Language/der2_cRefset_LanguageSnapshot-en_INT",
    "der2_Refset_Simple": "Refset/Content/der2_Refset_SimpleSnapshot_INT",
    "der2_ssRefset_ModuleDependency": "Refset/Metadata/der2_ssRefset_ModuleDependencySnapshot_INT",
}


def write(folder: Path, size: int) -> Path:
    """The edition as a release in RF2."""
    package = folder / f"SnomedCT_Edition_PRODUCTION_{DATE}T120000Z"
    opened = {}
    for name, path in _FILES.items():
        file = package / "Snapshot" / f"{path}_{DATE}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        opened[name] = file.open("w", newline="")
        opened[name].write("\t".join(HEADERS[name].split()) + "\r\n")

    def add(name: str, *row: str) -> None:
        opened[name].write("\t".join(row) + "\r\n")

    for n, one in enumerate(editions.records(size)):
        row = str(n)
        match one:
            case Concept():
                add("sct2_Concept", one.code, DATE, str(int(not one.inactive)), CORE, PRIMITIVE)
            case Term():
                kind = FSN if one.use[1] == "fsn" else SYNONYM
                add("sct2_Description", one.id, DATE, "1", CORE, one.code, "en", kind, one.value, CASELESS)
                if one.preferred:
                    add("der2_cRefset_Language", row, DATE, "1", CORE, US, one.id, PREFERRED)
            case Parent():
                add("sct2_Relationship", row, DATE, "1", CORE, one.code, one.parent, "0", IS_A, INFERRED, SOME)
            case Property():
                group = str(one.group)
                add("sct2_Relationship", row, DATE, "1", CORE, one.code, one.value, group, one.name, INFERRED, SOME)
            case Member():
                add("der2_Refset_Simple", row, DATE, "1", CORE, one.set, one.code)
    add("der2_ssRefset_ModuleDependency", "0", DATE, "1", CORE, "900000000000534007", CORE, DATE, DATE)
    for each in opened.values():
        each.close()
    return package


def lean(records: Iterator[Record]) -> Iterator[Record]:
    """What the oracle needs."""
    for one in records:
        if isinstance(one, Term):
            yield Term(one.code, one.value)
        elif not isinstance(one, Member):
            yield one


@dataclass(frozen=True)
class Question:
    """One request, and whether an answer to it is right."""

    path: str
    is_right: Callable[[Any], bool]


@dataclass(frozen=True)
class Kind:
    """A row of the table."""

    name: str
    least: float  # of the rate of a static answer
    ask: Callable[[Random, Oracle], Question]


def _value(answer: Any, name: str) -> Any:
    return next((v for one in answer["parameter"] if one["name"] == name for k, v in one.items() if k != "name"), None)


def _some(random: Random, oracle: Oracle) -> str:
    return random.choice(_codes(oracle))


_all_codes: dict[int, list[str]] = {}


def _codes(oracle: Oracle) -> list[str]:
    return _all_codes.setdefault(id(oracle), list(oracle.concepts))


def _lookup(random: Random, oracle: Oracle) -> Question:
    code = _some(random, oracle)
    display = oracle.concepts[code].display
    return Question(
        f"CodeSystem/$lookup?system={SYSTEM}&code={code}", lambda answer: _value(answer, "display") == display
    )


def _related(random: Random, oracle: Oracle) -> tuple[str, str]:
    """Two codes, of which one is above the other in about half of the cases."""
    below = _some(random, oracle)
    above = sorted(oracle.above(below)) if random.random() < 0.5 else []
    return (random.choice(above) if above else _some(random, oracle)), below


def _subsumes(random: Random, oracle: Oracle) -> Question:
    one, other = _related(random, oracle)
    if one == other:
        outcome = "equivalent"
    elif one in oracle.above(other):
        outcome = "subsumes"
    else:
        outcome = "subsumed-by" if other in oracle.above(one) else "not-subsumed"
    path = f"CodeSystem/$subsumes?system={SYSTEM}&codeA={one}&codeB={other}"
    return Question(path, lambda answer: _value(answer, "outcome") == outcome)


def _isa(code: str) -> str:
    return quote(f"{SYSTEM}?fhir_vs=isa/{code}", safe="")


def _validate(random: Random, oracle: Oracle) -> Question:
    above, code = _related(random, oracle)
    result = above == code or above in oracle.above(code)
    path = f"ValueSet/$validate-code?url={_isa(above)}&system={SYSTEM}&code={code}"
    return Question(path, lambda answer: _value(answer, "result") is result)


def _wide(random: Random, oracle: Oracle) -> str:
    """A concept that has others below it: an ancestor of any."""
    return random.choice(sorted(oracle.above(_some(random, oracle))) or [_some(random, oracle)])


def _is_page(answer: Any, total: int, among: set[str], count: int) -> bool:
    codes = [one["code"] for one in answer["expansion"].get("contains", ())]
    return answer["expansion"]["total"] == total and len(codes) == min(count, total) and among.issuperset(codes)


def _expand(random: Random, oracle: Oracle) -> Question:
    code = _wide(random, oracle)

    def is_right(answer: Any) -> bool:
        expected = oracle.below(code) | {code}
        return _is_page(answer, len(expected), expected, 10)

    return Question(f"ValueSet/$expand?url={_isa(code)}&count=10", is_right)


def _text(random: Random, oracle: Oracle) -> Question:
    words = oracle.concepts[_some(random, oracle)].display.lower().split()
    text = " ".join(word[: random.randint(3, 6)] for word in random.sample(words, min(2, len(words))))
    path = f"ValueSet/$expand?url={quote(SYSTEM + '?fhir_vs', safe='')}&filter={quote(text)}&count=20"

    def is_right(answer: Any) -> bool:
        found = oracle.found(text)
        shown = [one["code"] for one in answer["expansion"].get("contains", ())]
        return answer["expansion"]["total"] == len(found) and shown == found[:20]

    return Question(path, is_right)


def _ecl(random: Random, oracle: Oracle) -> Question:
    """Of a concept that has two attributes, what it is below, and what their values are below."""
    while True:
        source = _some(random, oracle)
        attributes = [(one.name, one.value) for one in oracle.properties.get(source, ())]
        if len({name for name, _ in attributes}) > 1:
            break
    (first, one), (second, other) = random.sample(attributes, 2)
    above, one_above, other_above = (random.choice(sorted(oracle.above(x)) or [x]) for x in (source, one, other))
    text = f"<< {above} : {first} = << {one_above} , {second} = << {other_above}"
    path = f"ValueSet/$expand?url={quote(f'{SYSTEM}?fhir_vs=ecl/{quote(text)}', safe='')}&count=10"

    def is_right(answer: Any) -> bool:
        found = oracle.below(above) | {above}
        for name, value in ((first, one_above), (second, other_above)):
            found &= oracle.having(name, oracle.below(value) | {value})
        return _is_page(answer, len(found), found, 10)

    return Question(path, is_right)


KINDS: Final = (
    Kind("`$lookup`", 0.6, _lookup),
    Kind("`$subsumes`", 0.6, _subsumes),
    Kind("`$validate-code` in isa", 0.6, _validate),
    Kind("isa-expansion, total and 10", 0.3, _expand),
    Kind("text filter, total and 20", 0.3, _text),
    Kind("ECL with two refinements", 0.1, _ecl),
)
# Fewer where the plain sets take long.
CHECKED: Final = {"isa-expansion, total and 10": 30, "text filter, total and 20": 3, "ECL with two refinements": 6}


def anonymous_megabytes(pid: int) -> float:
    """Memory that is the process's own: pages of mapped files are the system's."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def environment(changed: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


async def measure(base: str, workers: list[int], oracle: Oracle, rounds: int, count: int) -> list[str]:
    async def each_of(paths: list[str]) -> list[bytes]:
        """On one new connection: what is prepared in between takes longer than one may be idle."""
        client = await Client.connect(base)
        bodies = []
        for path in paths:
            status, body = await client.send("GET", f"{PATH}/{path}")
            assert status == 200, (status, path, body[:500])
            bodies.append(body)
        client.close()
        return bodies

    async def send(paths: list[str]) -> None:
        await each_of(paths)

    random = Random(350)
    await send(["CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male"])
    before = max(map(anonymous_megabytes, workers))
    lines = []
    for kind in KINDS:
        sizes = []
        for _ in range(CHECKED.get(kind.name, 100)):
            question = kind.ask(random, oracle)
            [body] = await each_of([question.path])
            assert question.is_right(orjson.loads(body)), (question.path, body[:2000])
            sizes.append(len(body))
        size = int(statistics.median(sizes))
        static = [f"CodeSystem/$static?size={size}"] * count

        def asking(kind: Kind = kind) -> Side:
            paths = [kind.ask(random, oracle).path for _ in range(count)]
            return lambda: send(paths), time.process_time

        def stored(static: list[str] = static) -> Side:
            return lambda: send(static), time.process_time

        of_it, of_static, _ = await alternate(rounds, count, asking, stored)
        ratios = [it / same for it, same in zip(of_it.rate, of_static.rate, strict=True)]
        ratio = statistics.median(ratios)
        mark = "" if ratio >= kind.least else " !"
        lines.append(
            f"| {kind.name} | {size} | {statistics.median(of_it.rate):.0f} | {statistics.median(of_static.rate):.0f} | "
            f"**{ratio:.2f}** ({min(ratios):.2f}–{max(ratios):.2f}){mark} | {kind.least} |"
        )
    after = max(map(anonymous_megabytes, workers))
    return [
        *lines,
        "",
        f"Private memory of a worker: {before:.0f} MB, {after:.0f} MB after all this: {after - before:.0f} MB more",
    ]


def run(size: int, rounds: int, count: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="fhir-bench-") as name:
        folder = Path(name)
        package = write(folder / "release", size)
        data_dir = folder / "data"
        with environment(installed(folder)), serving.serve(data_dir, "--workers", "1") as served:
            start = time.perf_counter()
            loaded = serving.run(
                "terminology", "load", "snomed", str(package), "--accept-licence", "--data-dir", str(data_dir)
            )
            took = time.perf_counter() - start
            assert loaded.returncode == 0, loaded.stdout + loaded.stderr
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            yield f"Loading {size:,} concepts from RF2: {took:.0f} s, at most {peak:.0f} MB"
            yield ""
            server = served.process.pid
            workers = [pid for pid in children(server) if pid != postmaster(data_dir)] or [server]
            oracle = Oracle(lean(editions.records(size)))
            yield "| | bytes | /s | static /s | ratio (range) | at least |"
            yield "|---|---|---|---|---|---|"
            yield from uvloop.run(measure(served.base, workers, oracle, rounds, count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.terminology", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="concepts of the edition")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=1000, help="requests in a round")
    options = parser.parse_args()
    for line in run(options.size, options.rounds, options.count):
        print(line, flush=True)
