"""Words and unions of words that begin alike. TX-145"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from terminology.index import vocabulary
from terminology.index.container import Container, pack
from terminology.index.rows import Keys, Sets

texts_of_concepts = st.lists(st.lists(st.text("ab", max_size=5), max_size=4), max_size=30)


@given(texts_of_concepts)
def test_words_and_prefixes_have_the_ranks_of_those_who_have_them(ranked: list[list[str]]) -> None:
    container = Container(pack("x", b"", vocabulary.sections(ranked)))
    there = {word for some in ranked for word in some if word}
    words, of_words = Keys(container.texts("words")), Sets(container, "words.ranks")
    assert {*words} == there
    for at, word in enumerate(words):
        assert {*of_words[at]} == {rank for rank, some in enumerate(ranked) if word in some}
    prefixes, of_prefixes = Keys(container.texts("prefixes")), Sets(container, "prefixes.ranks")
    starts = {word[:length] for word in there for length in range(1, 6)}
    assert {*prefixes} == {one for one in starts if sum(word.startswith(one) for word in there) >= vocabulary.ALIKE}
    for at, prefix in enumerate(prefixes):
        assert {*of_prefixes[at]} == {
            rank for rank, some in enumerate(ranked) if any(word.startswith(prefix) for word in some)
        }
