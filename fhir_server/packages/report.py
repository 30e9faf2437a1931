"""What is to be said of a package: as the answer of an operation, and as lines of a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from resources.operation import Parameters, Value

from .dependencies import Missing
from .parameters import INDEXED, Verdict


class Remark(Struct, frozen=True):
    """Something about one resource."""

    kind: str  # replaced, renamed, left-out, passed-over, kept; of a package dependent, not-judged
    what: str  # "StructureDefinition/x", the name of a file, or of a package
    why: str = ""


class Judged(Struct, frozen=True):
    """What a profile that is not installed yet says of stored resources."""

    profile: str
    resource_type: str
    total: int  # resources that it is about
    examined: int
    invalid: int
    issues: tuple[tuple[str, int], ...] = ()  # an issue and the number of resources that have it
    samples: tuple[str, ...] = ()  # "Patient/1"


class Report(Struct, frozen=True):
    """What was done with a package, or would be."""

    name: str
    version: str
    outcome: str  # installed, unchanged, uninstalled, preview
    created: int = 0
    replaced: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: Sequence[Missing] = ()
    parameters: Sequence[Verdict] = ()
    reindexed: int = 0  # stored resources of the types whose parameters are new
    remarks: Sequence[Remark] = ()
    judged: Sequence[Judged] = ()

    @property
    def label(self) -> str:
        return f"{self.name}#{self.version}"


def values(report: Report) -> Iterator[Value]:
    """The parameters of the answer, as the OperationDefinitions of operations/packages.py have them."""
    yield Value("name", report.name)
    yield Value("version", report.version)
    yield Value("outcome", report.outcome)
    for name in ("created", "replaced", "unchanged", "deleted", "reindexed"):
        yield Value(name, getattr(report, name))
    for missing in report.missing:
        yield _parts("missing", name=missing.name, version=missing.version, installed=missing.there)
    for one in report.parameters:
        yield _parts("searchParameter", url=one.url, code=one.code, type=one.types, state=one.state, reason=one.why)
    for remark in report.remarks:
        yield _parts("resource", what=remark.what, state=remark.kind, reason=remark.why)
    for judged in report.judged:
        parts = _parts(
            "validation",
            profile=judged.profile,
            type=judged.resource_type,
            total=judged.total,
            examined=judged.examined,
            invalid=judged.invalid,
            sample=judged.samples,
        )
        issues = tuple(_parts("issue", text=text, count=count) for text, count in judged.issues)
        assert parts.part
        yield Value("validation", part=Parameters((*parts.part.values, *issues)))


def _parts(name: str, /, **parts: str | int | Sequence[str]) -> Value:
    found = ((key, [value] if isinstance(value, str | int) else value) for key, value in parts.items())
    return Value(name, part=Parameters(tuple(Value(key, one) for key, some in found for one in some if one != "")))


def lines(report: Report) -> Iterator[str]:
    """The same for people."""
    counts = [f"{getattr(report, name)} {name}" for name in ("created", "replaced", "unchanged", "deleted")]
    said = ", ".join(count for count in counts if not count.startswith("0 "))
    yield f"{report.label}: {report.outcome}{f'; resources: {said}' if said else ''}"
    for missing in report.missing:
        yield f"missing: {missing.text}"
    states: dict[str, list[Verdict]] = {}
    for one in report.parameters:
        states.setdefault(one.state, []).append(one)
    for state, some in states.items():
        yield f"search parameters: {len(some)} {state}"
    for one in report.parameters:
        if one.why or one.state == INDEXED:
            named = " ".join((*one.types[:5], one.code))
            yield f"  {one.state}: {named} ({one.url}){f': {one.why}' if one.why else ''}"
    if report.reindexed:
        yield f"resources to be indexed: {report.reindexed:,}"
    for remark in report.remarks:
        yield f"{remark.kind}: {remark.what}{f' ({remark.why})' if remark.why else ''}"
    for judged in report.judged:
        looked = f"{judged.examined:,} of {judged.total:,}" if judged.examined != judged.total else f"{judged.total:,}"
        yield f"{judged.profile}: {judged.invalid:,} of {looked} stored {judged.resource_type} would be invalid"
        for text, count in judged.issues:
            yield f"  {count:,} × {text}"
        if judged.samples:
            yield f"  such as {', '.join(judged.samples)}"
