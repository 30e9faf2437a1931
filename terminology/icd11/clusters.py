"""ICD-11 clusters: codes put together of stem codes and extension codes, read and judged against a release.

    cluster = group *("/" group)        group = stem *("&" extension)

An extension code begins with X and never stands alone. What may be said of a stem is known where the release has its
post-coordination axes; without them codes and structure are judged. https://icdcdn.who.int/icd11referenceguide/en/html/index.html#postcoordination
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from resources.outcome import FhirError, Invalid

from ..system import System

MMS: Final = "http://id.who.int/icd/release/11/mms"
AXIS: Final = "postcoordinationScale"  # properties of a stem, one role group for each axis: its name …
REQUIRED: Final = "requiredPostcoordination"  # … whether the stem is incomplete without it: "true" …
MULTIPLE: Final = "allowMultipleValues"  # … AllowAlways | AllowedExceptFromSameBlock | NotAllowed …
SCALE: Final = "scaleEntity"  # … and the codes whose descendants are its values
CLASS: Final = "classKind"  # chapter | block | category
EXTENSIONS: Final = "X"  # what all extension codes begin with …
UNIVERSAL: Final = "XY"  # … and those that may be said of every stem (type 2: discharge, timing, certainty)
_MOST: Final = 100  # codes of one cluster


class Part(NamedTuple):
    """A code in a cluster."""

    code: str
    ordinal: int
    position: int  # of its first character, from 1
    axis: str = ""  # of an extension: the axis it is a value of, where the release has axes


class Group(NamedTuple):
    """A stem code and what is said of it."""

    stem: Part
    extensions: tuple[Part, ...] = ()


class Cluster(NamedTuple):
    """A valid cluster."""

    text: str
    groups: tuple[Group, ...]
    display: str


class Axis(NamedTuple):
    """One axis along which a code may be made more specific."""

    name: str
    required: bool
    multiple: str
    scale: tuple[int, ...]  # ordinals


def is_composed(text: str) -> bool:
    """Whether a code is written as a cluster of several codes."""
    return "&" in text or "/" in text


def cluster(system: System, text: str) -> Cluster:
    """The cluster that a text is; a stem code alone is one too.

    Raises Invalid, which names the position and what is wrong there."""
    with_axes = bool(system.with_property(AXIS))
    if text.count("&") + text.count("/") >= _MOST:
        raise _wrong(text, 1, f"there are more than {_MOST} codes")
    groups = [
        _group(
            system, text, [_known(system, text, *token) for token in _split(text, "&", position, written)], with_axes
        )
        for written, position in _split(text, "/", 1, text)
    ]
    if with_axes:
        _check_required(system, text, groups)
    return Cluster(text, tuple(groups), _display(system, groups))


def _group(system: System, text: str, parts: list[Part], with_axes: bool) -> Group:
    """A stem and its extensions, which have to be in this order and on axes of those before them."""
    stem, *extensions = parts
    if stem.code.startswith(EXTENSIONS):
        raise _wrong(text, stem.position, f"“{stem.code}” is an extension code: a stem code has to stand before it")
    open_axes = [_Open(axis, []) for axis in axes_of(system, stem.ordinal)] if with_axes else []
    told = []
    for part in extensions:
        if not part.code.startswith(EXTENSIONS):
            raise _wrong(
                text,
                part.position,
                f"“{part.code}” is a stem code: stem codes are joined by “/”, extension codes by “&”",
            )
        if with_axes:
            part = _placed(system, text, stem, open_axes, part)
            open_axes.extend(_Open(axis, []) for axis in axes_of(system, part.ordinal))
        told.append(part)
    return Group(stem, tuple(told))


class _Open(NamedTuple):
    """An axis of a code in the group, and its values so far."""

    axis: Axis
    values: list[Part]


def _placed(system: System, text: str, stem: Part, open_axes: list[_Open], part: Part) -> Part:
    """An extension, put on an axis of the stem or of an extension before it."""
    why = ""
    for axis, values in open_axes:
        if _block(system, axis, part.ordinal) is None:
            continue
        if not (against := _against(system, axis, values, part)):
            values.append(part)
            return part._replace(axis=axis.name)
        why = why or against
    if why or not part.code.startswith(UNIVERSAL):
        why = why or f"“{part.code}” is on no post-coordination axis of “{stem.code}”"
        raise _wrong(text, part.position, why)
    return part


def axes_of(system: System, ordinal: int) -> tuple[Axis, ...]:
    """The post-coordination axes that the release gives a code."""
    names: dict[int, str] = {}
    said: dict[int, dict[str, str]] = {}
    scale: dict[int, list[int]] = {}
    for one in system.properties(ordinal):
        if one.name == AXIS:
            names[one.group] = one.value
        elif one.name in (REQUIRED, MULTIPLE):
            said.setdefault(one.group, {})[one.name] = one.value
        elif one.name == SCALE and (value := system.find(one.value)) is not None:
            scale.setdefault(one.group, []).append(value)
    return tuple(
        Axis(
            name,
            said.get(group, {}).get(REQUIRED) == "true",
            said.get(group, {}).get(MULTIPLE, ""),
            tuple(scale.get(group, ())),
        )
        for group, name in names.items()
    )


def _split(text: str, separator: str, start: int, written: str) -> Iterator[tuple[str, int]]:
    """What stands between the separators of a part of the text that starts at a position, with positions. Raises Invalid
    where nothing does."""
    position = start
    for piece in written.split(separator):
        if not piece:
            raise _wrong(text, position, "a code is missing")
        yield piece, position
        position += len(piece) + 1


def _known(system: System, text: str, token: str, position: int) -> Part:
    ordinal = system.find(token)
    if ordinal is None:
        raise _wrong(text, position, f"“{token}” is not a code of {_named(system)}")
    if any(one.name == CLASS and one.value != "category" for one in system.properties(ordinal)):
        raise _wrong(text, position, f"“{token}” is a chapter or block, which no cluster may have")
    return Part(token, ordinal, position)


def _block(system: System, axis: Axis, ordinal: int) -> int | None:
    """The branch right below an axis' entity in which a value is: the entity itself if it is that; None if in none."""
    for entity in axis.scale:
        if system.subsumes(entity, ordinal):
            return next((child for child in system.children(entity) if system.subsumes(child, ordinal)), entity)
    return None


def _against(system: System, axis: Axis, others: list[Part], part: Part) -> str:
    """What speaks against one more value on an axis; "" for nothing."""
    for other in others:
        if axis.multiple == "NotAllowed":
            return f"“{part.code}” is a second value on the axis {axis.name}, beside “{other.code}”"
        if axis.multiple == "AllowedExceptFromSameBlock" and (
            _block(system, axis, other.ordinal) == _block(system, axis, part.ordinal)
        ):
            return f"“{part.code}” is of the same block as “{other.code}”: the axis {axis.name} has one value of each"
    return ""


def _check_required(system: System, text: str, groups: list[Group]) -> None:
    """A required axis is filled by an extension, or by the stem of another group."""
    for group in groups:
        for axis in axes_of(system, group.stem.ordinal):
            if not axis.required or any(part.axis == axis.name for part in group.extensions):
                continue
            stems = (other.stem.ordinal for other in groups if other is not group)
            if not any(_block(system, axis, stem) is not None for stem in stems):
                raise _wrong(
                    text,
                    group.stem.position,
                    f"“{group.stem.code}” needs a value on the axis {axis.name} to be complete",
                )


def _display(system: System, groups: list[Group]) -> str:
    """As WHO's map tables write it: the first title, all others in brackets."""
    first, *others = (system.display(part.ordinal) for group in groups for part in (group.stem, *group.extensions))
    return first + "".join(f" [{other}]" for other in others)


def _named(system: System) -> str:
    about = system.about
    return f"{about.url}|{about.version}" if about.version else about.url


def _wrong(text: str, position: int, what: str) -> FhirError:
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    return Invalid(f"“{shown}”, position {position}: {what}.", code="code-invalid")
