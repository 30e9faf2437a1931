"""A JSON object as the quick form reads it, and what is judged of it as a whole once its members are read.

An Object can be asked as a dict can, so that the invariants of resources.invariants hold for it, too.
https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from msgspec import UNSET, Struct, defstruct

from .invariants import at_most

NO_WORD: Final = ""  # stands for a word that is not there; this very object, since none that is sent is empty


class Refused(ValueError):
    """Not accepted by the quick form."""


class Object(Struct, gc=False):
    """What all Structs of the quick form can be asked."""

    def __contains__(self, name: str) -> bool:
        value = getattr(self, name, UNSET)
        return value is not UNSET and value is not NO_WORD

    def get(self, name: str, default: Any = None) -> Any:
        value = getattr(self, name, UNSET)
        return default if value is UNSET or value is NO_WORD else value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.__struct_fields__ if name in self)


Fits = Callable[[str], object]  # of a text, whether a pattern fits
NO_WORDS: Final[Mapping[str, Fits]] = MappingProxyType({})
Rule = Callable[[Any], object]  # of an Object or a dict, whether it holds
# The commonest invariants, of Objects that have no `_name`. A word that is not there is empty.
QUICKER: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "cpt-2": lambda it: it.value is UNSET or it.system is not UNSET,
        "per-1": lambda it: it.start is UNSET or it.end is UNSET or at_most(it.start, it.end),
        "qty-3": lambda it: not it.code or it.system,
        "sqty-1": lambda it: it.comparator is UNSET,
    }
)
Choice = tuple[tuple[str, ...], int]  # the names of a choice, and how many there must be at least


def defined(
    name: str,
    fields: Sequence[tuple[str, Any] | tuple[str, Any, Any]],
    words: Mapping[str, Fits] = NO_WORDS,
    choices: Sequence[Choice] = (),
    rules: Sequence[Rule] = (),
) -> type[Object]:
    """The Struct of some objects.

    fields: name, type and, if the member need not be there, UNSET or NO_WORD; words: names and patterns of members any
    text of which fits that has no white space. That is asked of all of them at once, since a pattern for each takes most
    of the time.
    """
    return of_judge(name, fields, _judge(words, choices, rules) if words or choices or rules else None)


def of_judge(name: str, fields: Sequence[Any], judge: Callable[[Object], None] | None) -> type[Object]:
    """The Struct of objects that are judged by something else than words, choices and rules."""
    namespace = {"__post_init__": judge} if judge else {}
    made = defstruct(
        name, fields, bases=(Object,), namespace=namespace, kw_only=True, forbid_unknown_fields=True, gc=False
    )
    return made  # type: ignore[return-value]  # defstruct does not tell of its bases


def _judge(words: Mapping[str, Fits], choices: Sequence[Choice], rules: Sequence[Rule]) -> Callable[[Object], None]:
    judge_words = _coded(words) if words.keys() == {"system", "code"} else _worded(words) if words else None
    if judge_words and not choices and not rules:
        return judge_words
    counted = [(_all(names), len(names) - 1, len(names) - lowest) for names, lowest in choices]

    def judge(self: Object) -> None:
        for stated, least, most in counted:
            if not least <= stated(self).count(UNSET) <= most:
                raise Refused
        for holds in rules:
            if not holds(self):
                raise Refused
        if judge_words is not None:
            judge_words(self)

    return judge


def _worded(words: Mapping[str, Fits]) -> Callable[[Object], None]:
    values: Callable[[Object], Any] = attrgetter(*words)
    is_one = len(words) == 1

    def judge(self: Object) -> None:
        text = values(self) if is_one else "".join(values(self))
        if " " in text or "\n" in text or "\t" in text or "\r" in text:
            _judge_each(self, words)

    return judge


def _coded(words: Mapping[str, Fits]) -> Callable[[Any], None]:
    """The same, of what is met most: Codings and Quantities."""

    def judge(self: Any) -> None:
        text = self.system + self.code
        if " " in text or "\n" in text or "\t" in text or "\r" in text:
            _judge_each(self, words)

    return judge


def _judge_each(self: Object, words: Mapping[str, Fits]) -> None:
    for name, fits in words.items():
        word = getattr(self, name)
        if word and not fits(word):
            raise Refused


def _all(names: Sequence[str]) -> Callable[[Object], tuple[Any, ...]]:
    """The values of some members, as a tuple even of one."""
    if len(names) > 1:
        return attrgetter(*names)
    [name] = names
    return lambda self: (getattr(self, name),)
