"""ICD-11 clusters: structure, codes, axes."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.outcome import FhirError, Invalid
from terminology.icd11.clusters import AXIS, CLASS, MMS, MULTIPLE, REQUIRED, SCALE, UNIVERSAL, cluster, is_composed
from terminology.index.building import build
from terminology.index.system import Indexed
from terminology.loaders.archive import Archive
from terminology.loaders.icd11 import LOADER
from terminology.loaders.who_map import LOADER as MAPS
from terminology.records import About, Concept, Property, Record, Row

from ....releases.files import folder, records, released
from ....releases.icd11 import AXES, ROWS, tabulation
from ....suites import DATA

SUITE = DATA / "terminology/icd-11"
NEEDS_AXES = {"G.1", "G.2", "G.3", "G.4", "H.1", "H.2", "J.1", "K.1", "K.2", "K.3", "N.2", "N.4", "O.1"}
OF_ANOTHER_RELEASE = {"N.3"}  # one of its codes is not in the release 2024-01


def indexed(archive: Archive) -> Indexed:
    (release,) = released(LOADER, archive)
    return Indexed(build(release.about, records(release)))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    return indexed(folder(tmp_path_factory.mktemp("bare"), {"SimpleTabulation-ICD-11-MMS-en.txt": tabulation()}))


@pytest.fixture(scope="module")
def with_axes(tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    files = {"SimpleTabulation-ICD-11-MMS-en.txt": tabulation(), **AXES}
    return indexed(folder(tmp_path_factory.mktemp("axes"), files))


def test_a_cluster_is_taken_apart(bare: Indexed) -> None:
    read = cluster(bare, "1Q00.0&XK1/1Q01&XE1&XY1")
    assert [(group.stem.code, [one.code for one in group.extensions]) for group in read.groups] == [
        ("1Q00.0", ["XK1"]),
        ("1Q01", ["XE1", "XY1"]),
    ]
    assert read.groups[1].extensions[1].position == 21
    assert read.display == "Squeaking joint, “loud” [Left side] [Stuck joint] [Workshop] [Main trouble]"


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("", 1, "missing"),
        ("/", 1, "missing"),
        ("1Q00/", 6, "missing"),
        ("/1Q00", 1, "missing"),
        ("1Q00//1Q01", 6, "missing"),
        ("1Q00&", 6, "missing"),
        ("&XK1", 1, "missing"),
        ("XK1", 1, "stem code has to stand before"),
        ("1Q00/XK1", 6, "stem code has to stand before"),
        ("1Q00&1Q01", 6, "joined by “/”"),
        ("1Q00&XK9", 6, "not a code"),
        ("1002&XK1", 1, "chapter or block"),
        ("&".join(["1Q00"] + ["XK1"] * 100), 1, "more than 100"),
    ],
)
def test_structure_and_codes_are_judged_with_the_position(bare: Indexed, text: str, position: int, what: str) -> None:
    """TX-119"""
    with pytest.raises(Invalid, match=rf"position {position}: .*{what}") as error:
        cluster(bare, text)
    assert error.value.issues[0].code == "code-invalid"


def test_without_axes_every_extension_fits_every_stem(bare: Indexed) -> None:
    assert cluster(bare, "1Q01&XK1&XK2").groups[0].extensions[1].axis == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1Q00&XK1", ""),
        ("1Q00&XK1&XK2", "position 10: “XK2” is a second value on the axis laterality"),
        ("1Q00&XE11&XE2", ""),
        ("1Q00&XE11&XE12", "position 11: “XE12” is of the same block as “XE11”"),
        ("1Q01&XK1", "position 6: “XK1” is on no post-coordination axis of “1Q01”"),
        ("1Q01&XY1&XY2", ""),  # type 2 fits all
        ("1Q00&XE1&XK1&XK2", ""),  # the second side is that of the workshop
        ("1Q02", "“1Q02” needs a value on the axis hasCausingCondition"),
        ("1Q02/1Q01", ""),
        ("1Q01/1Q02", ""),
        ("1Q02/1Q02", ""),
    ],
)
def test_axes_are_judged_where_the_release_has_them(with_axes: Indexed, text: str, fault: str) -> None:
    """TX-119: membership, how many values, and required axes, which another stem may fill."""
    if not fault:
        assert cluster(with_axes, text).text == text
        return
    with pytest.raises(Invalid) as error:
        cluster(with_axes, text)
    assert fault in str(error.value)


def test_a_stem_that_needs_more_is_abstract(with_axes: Indexed, bare: Indexed) -> None:
    for system, abstract in ((with_axes, True), (bare, False)):
        found = system.find("1Q02")
        assert found is not None
        assert system.is_abstract(found) is abstract


STEMS = [code for _, code, *_, kind, _ in ROWS if kind == "category" and not code.startswith("X")]
EXTENSIONS = [code for _, code, *_, kind, _ in ROWS if code.startswith("X")]


@given(
    st.lists(
        st.tuples(st.sampled_from(STEMS), st.lists(st.sampled_from(EXTENSIONS), max_size=4)), min_size=1, max_size=5
    )
)
def test_what_is_put_together_is_taken_apart(bare: Indexed, parts: list[tuple[str, list[str]]]) -> None:
    text = "/".join("&".join((stem, *extensions)) for stem, extensions in parts)
    read = cluster(bare, text)
    assert [(group.stem.code, [one.code for one in group.extensions]) for group in read.groups] == parts
    for group in read.groups:
        for one in (group.stem, *group.extensions):
            assert text[one.position - 1 :].startswith(one.code)


@given(st.text("1Q0.XK1&/Y", max_size=30))
def test_any_text_is_a_cluster_or_refused(bare: Indexed, text: str) -> None:
    """A grammar of its own as oracle: split, and each piece is a known code of the right kind."""
    groups = [group.split("&") for group in text.split("/")]
    good = all(group[0] in STEMS and all(one in EXTENSIONS for one in group[1:]) for group in groups)
    try:
        cluster(bare, text)
    except FhirError:
        assert not good
    else:
        assert good


def test_is_composed() -> None:
    assert is_composed("1Q00&XK1")
    assert is_composed("1Q00/1Q01")
    assert not is_composed("1Q00.Y")


# The suite of CSIRO's, against the real tabulation.


def cases() -> Iterator[dict[str, str]]:
    path = SUITE / "clusters/postcoord-suite.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as lines:
            yield from csv.DictReader(lines)


def real() -> tuple[About, list[Record]]:
    (release,) = released(LOADER, Archive(SUITE / "SimpleTabulation-ICD-11-MMS-en.zip"))
    return release.about, [one for part in release.parts for one in part.records()]


def is_valid(system: Indexed, text: str) -> bool:
    try:
        cluster(system, text)
    except Invalid:
        return False
    return True


@pytest.fixture(scope="module")
def mms() -> tuple[Indexed, Indexed]:
    """The tabulation as it is, and with axes of our own making that say of the stems of the suite what it takes for granted."""
    about, read = real()
    plain = Indexed(build(about, read))
    return plain, Indexed(build(about, [*read, *taken_for_granted(plain)]))


def block(system: Indexed, code: str) -> str:
    """The nearest block above a code, else its chapter."""
    found = system.find(code)
    assert found is not None
    while found is not None:
        (found, *_) = [*system.parents(found), None]
        if found is not None and not any(
            one.name == CLASS and one.value == "category" for one in system.properties(found)
        ):
            return system.code(found)
    raise AssertionError(code)


def taken_for_granted(system: Indexed) -> Iterator[Property]:
    """Axes of the stems, made of the valid cases; how many values they may have is what the suite says in its rationale."""
    multiple = {"N.3": "AllowedExceptFromSameBlock", "B.1": "AllowAlways", "B.2": "AllowAlways"}
    group = 0
    for case in cases():
        if case["system"] != MMS:
            continue
        for one in case["expression"].split("/"):
            stem, *extensions = one.split("&")
            if case["id"] == "J.2" and "/" in case["expression"] and stem == case["expression"].split("/")[0]:
                other = case["expression"].split("/")[1]
                group += 1
                yield from axis(stem, group, "AllowAlways", block(system, other), "true")
            told = case["id"] == "K.2"  # as if the release had an axis for what is universal else
            for extension in extensions[:1] if told else extensions:
                if system.find(extension) is None or (extension.startswith(UNIVERSAL) and not told):
                    continue
                if case["expectedValid"] == "true" or told:
                    scale = block(system, block(system, extension)) if told else block(system, extension)
                    group += 1
                    yield from axis(stem, group, multiple.get(case["id"], "NotAllowed"), scale)


def axis(stem: str, group: int, multiple: str, scale: str, required: str = "false") -> Iterator[Property]:
    yield Property(stem, AXIS, f"axis of {scale}", group=group)
    yield Property(stem, REQUIRED, required, "boolean", group=group)
    yield Property(stem, MULTIPLE, multiple, "code", group=group)
    yield Property(stem, SCALE, scale, "concept", group=group)


@pytest.mark.suite("terminology")
def test_the_suite_without_axes(mms: tuple[Indexed, Indexed]) -> None:
    """Of 53 cases of the MMS 39 are told by the tabulation; the others need axes, which the ICD API has and it has not."""
    wrong = {
        case["id"]
        for case in cases()
        if case["system"] == MMS and is_valid(mms[0], case["expression"]) != (case["expectedValid"] == "true")
    }
    assert wrong == NEEDS_AXES | OF_ANOTHER_RELEASE


@pytest.mark.suite("terminology")
def test_the_suite_with_axes(mms: tuple[Indexed, Indexed]) -> None:
    wrong = {
        case["id"]
        for case in cases()
        if case["system"] == MMS and is_valid(mms[1], case["expression"]) != (case["expectedValid"] == "true")
    }
    assert wrong == OF_ANOTHER_RELEASE


@pytest.mark.suite("terminology")
def test_the_icf_has_no_clusters() -> None:
    """Its release is not given: a system of the bare codes that are valid stands for it, and is not compositional."""
    of_icf = [case for case in cases() if case["system"].endswith("/icf")]
    codes = [case["expression"] for case in of_icf if case["expectedValid"] == "true"]
    system = Indexed(
        build(About("http://id.who.int/icd/release/11/icf", kind="icd-11"), [Concept(code) for code in codes])
    )
    assert len(of_icf) == 10
    for case in of_icf:
        assert (system.find(case["expression"]) is not None) is (case["expectedValid"] == "true")
    assert not system.about.compositional


@pytest.mark.suite("terminology")
def test_clusters_of_the_maps_are_valid(mms: tuple[Indexed, Indexed]) -> None:
    """Every cluster that the WHO maps to is one by our reading."""
    (one, *_) = released(MAPS, Archive(DATA / "terminology/who-icd-maps/10To11MapToOneCategory.txt.gz"))
    targets = {row.target for part in one.parts for row in part.records() if isinstance(row, Row) and row.target}
    composed = sorted(target for target in targets if is_composed(target))
    assert len(composed) == 614
    assert [target for target in composed if not is_valid(mms[0], target)] == []
