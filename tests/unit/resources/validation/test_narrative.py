"""The narrative: what may stand in it, and that nothing in it runs, loads or expands."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import exact
from resources.validation.narrative import ATTRIBUTES, DEEPEST, ELEMENTS, XHTML, fault, is_plain

from .... import examples

# Python 3.11.2 misreads nested possessive quantifiers: nothing is plain there, and the parser, which is slower, judges all.
_quick = pytest.mark.skipif(sys.version_info < (3, 11, 7), reason="narratives are judged by the parser before 3.11.7")


def div(inside: str, attributes: str = "") -> str:
    return f'<div xmlns="{XHTML}"{attributes}>{inside}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "x",
        "<p>x <b>y</b></p>",
        "x<p> </p>",
        '<p xml:space="preserve" title="expression (x)">x</p>',
        "&#160;",  # no white space in the sense of XML
        '<img src="x.png" alt=""/>',  # an image is something to see
        '<img src=" data: image/png;base64,aGk="/>',
        '<a href="#x">x</a>',
        '<a href="Patient/1?a=b:c">x</a>',
        '<a href="mailto:a@example.org">x</a>',
        "<table><tbody><tr><td colspan='2' style='color: red'>x</td></tr></tbody></table>",
        '<p style="background: url(x.png)">x</p>',
        '<p style="background: url(data: image/png;base64,aGk=)">x</p>',
        '<p xml:lang="de" lang="de">x</p>',
        "<!-- a comment --><p>&lt;&amp;&quot;&apos;&gt;&#160;x</p>",
        "<![CDATA[<script>]]>",
        "x" * 2_000_000,
    ],
)
def test_safe(inside: str) -> None:
    assert fault(div(inside)) is None


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (div("<script>x</script>"), "invariant", "contains <script>"),
        (div("<SCRIPT>x</SCRIPT>"), "invariant", "contains <SCRIPT>"),
        (div("<object/>"), "invariant", "contains <object>"),
        (div("<input/>"), "invariant", "contains <input>"),
        (div("<link/>"), "invariant", "contains <link>"),
        (div("<base/>"), "invariant", "contains <base>"),
        (div('<p onclick="x">y</p>'), "invariant", "contains the attribute onclick on <p>"),
        (div("x", ' onload="x"'), "invariant", "contains the attribute onload on <div>"),
        (div('<img src="x" srcset="y"/>'), "invariant", "contains the attribute srcset"),
        (
            div('<a xmlns:x="http://www.w3.org/1999/xlink" x:href="javascript:y">z</a>'),
            "invariant",
            "contains the attribute",
        ),
        (div('<a href="JavaScript:x">y</a>'), "invariant", "has a JavaScript: address in href of <a>"),
        (div('<a href=" &#1114109;javascript:x">y</a>'), "invariant", "has a "),
        (div('<a href="java&#9;script:x">y</a>'), "invariant", "has a javascript: address"),
        (div('<a href="vbscript:x">y</a>'), "invariant", "has a vbscript: address"),
        (div('<a href="data:image/svg+xml,x">y</a>'), "invariant", "has a data: address"),
        (div('<img src="data:text/html,x"/>'), "invariant", "has a data: address"),
        (div('<img src="file:///etc/passwd"/>'), "invariant", "has a file: address"),
        (div('<q cite="javascript:x">y</q>'), "invariant", "has a javascript: address"),
        (div('<p style="width: expre/**/ssion(x)">y</p>'), "invariant", "has a style on <p>"),
        (div('<p style="background: url(java&#115;cript:x)">y</p>'), "invariant", "has a style on <p>"),
        (div('<p style="background: url(data:text/html,x)">y</p>'), "invariant", "has a style on <p>"),
        (div(r'<p style="\65xpression(x)">y</p>'), "invariant", "has a style on <p>"),
        (div('<p style="BEHAVIOR: url(x)">y</p>'), "invariant", "has a style on <p>"),
        (div('<p style="/* open">y</p><p style="@import x">y</p>'), "invariant", "has a style on <p>"),
        (div('<p xmlns="">x</p>'), "invariant", "contains <p>, outside the namespace"),
        (f'<p xmlns="{XHTML}">x</p>', "invariant", "must be a <div>, not <p>"),
        ("<div>x</div>", "invariant", "contains <div>, outside the namespace"),
        ('<?xml version="1.0"?>' + div("x"), "invariant", "contains an XML declaration"),
        (div("<?php x ?>y"), "invariant", "contains a processing instruction"),
        ("<!DOCTYPE div>" + div("x"), "invariant", "contains a document type declaration"),
        (
            '<!DOCTYPE div [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + div("&a;"),
            "invariant",
            "contains a document type",
        ),
        (div("&nbsp;"), "structure", "is not well-formed XHTML: undefined entity at line 1, column 43"),
        (div("<p>x"), "structure", "is not well-formed XHTML: mismatched tag at line 1"),
        ("", "structure", "is not well-formed XHTML: no element found"),
        (div("x") + div("y"), "structure", "is not well-formed XHTML: junk after document element"),
        (div("\x01"), "structure", "is not well-formed XHTML"),
        (div("\ud800"), "structure", "is not well-formed XHTML"),
        (div(""), "invariant", "has no text and no image (txt-2)"),
        (div("\n\t <p> </p><br/>"), "invariant", "has no text and no image (txt-2)"),
    ],
)
def test_unsafe(text: str, code: str, said: str) -> None:
    found = fault(text)
    assert found
    assert found[0] == code
    assert found[1].startswith(said)


@pytest.mark.parametrize("long", ["<{0}/>", "<p {0}='x'/>", '<a href="{0}:x">y</a>', "<x:{0} xmlns:x='{0}'/>"])
def test_what_is_said_is_short(long: str) -> None:
    found = fault(div(long.format("x" * 100_000)))
    assert found
    assert len(found[1]) < 200


@given(st.text() | st.builds(div, st.text(alphabet="<>/&;='\"abpqscript:#x \n")))
def test_any_text_has_an_answer(text: str) -> None:
    fault(text)


@given(st.sampled_from(sorted(ELEMENTS)), st.sampled_from(sorted(ATTRIBUTES)))
def test_what_is_allowed_is_allowed_together(element: str, attribute: str) -> None:
    assert fault(div(f'<{element} {attribute}="x">y</{element}>')) is None


@pytest.mark.parametrize(
    "text",
    [
        div("<p>" * 200_000),
        div('<p style="' + "/*" * 500_000 + '">x</p>'),
        div('<p style="' + "expression " * 100_000 + '">x</p>'),
        div('<a href="' + "a" * 1_000_000 + '">x</a>'),
        div("&amp;" * 200_000),
    ],
    ids=["nested", "comments", "words", "address", "entities"],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    start = time.perf_counter()
    fault(text)
    assert time.perf_counter() - start < 1


def test_official_narratives_are_safe() -> None:
    """Four have nothing to read; all others pass."""
    found = {}
    for name, text in examples.examples():
        narrative = exact.decode(text).get("text")
        if isinstance(narrative, dict) and (wrong := fault(narrative["div"])):
            found[name] = wrong[1]
    assert set(found.values()) == {"has no text and no image (txt-2)"}
    assert len(found) == 4


def test_levels_are_bounded() -> None:
    def nested(levels: int) -> str:
        return f'<div xmlns="{XHTML}">' + "<b>" * (levels - 1) + "x" + "</b>" * (levels - 1) + "</div>"

    assert fault(nested(DEEPEST)) is None
    assert fault(nested(DEEPEST + 1)) == ("invariant", "is nested more than 200 levels deep (txt-1)")
    assert fault(f'<div xmlns="{XHTML}">' + "<b>x</b>" * DEEPEST + "</div>") is None


PIECES = st.sampled_from(
    [
        *("x", " ", "&amp;", "&#160;", "&nbsp;", "&", "]]>", "]]", ">", "<", "\ufffe", "é", "<!-- x -->", "<br/>", "<br />"),
        *("<p>", "</p>", "<b>", "</b>", "<td>", "</td>", "<table>", "</table>", "<tr>", "</tr>", "<span>", "</span>"),
        *("<div>", "</div>", "<h1>", "</h1>", "<script>", "</script>", "<bb>", "</bb>", "<tdx>", "</tdx>", "<P>", "</P>"),
        *('<a href="#x">', '<a href="Patient/1">', '<a href="javascript:x">', '<a href="http://x" href="http://x">', "</a>"),
        *('<p class="a">', '<p class="a" class="b">', '<p onclick="x">', '<p style="x">', '<p title=">">', '<p title="<">'),
        *('<p style="a: b; c-d:#e 1px">', '<p style="-moz-binding:x">', '<p style="a: -moz-binding">', '<p style="data:x">'),
        *('<p style="script:x">', '<p style="a:b" class="c">', '<p class="c" style="a:b">', '<p style="a:b" style="a:b">'),
        *('<p style="a: expression(x)">', '<p style="a:b&#58;c">', '<p style="behavior:x">', '<p title="a" title="b">'),
        *('<a href="x.html#a:b">', '<a href="x:y">', '<a href="x&#58;y">', '<a href="mailto:x" title="y">', '<a href="">'),
        *('<img src="x.png" alt="." style="a:b" class="c"/>', '<img src="data:x"/>', '<p title=">">x', '<p title="a>b"/>'),
        *('<img src="x"/>', '<p xmlns="http://x">', "<p class='a'>", '<p class="&">', '<p class="&lt;">', '<p  class="a">'),
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12) | st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "x"]), max_size=14))
def test_what_is_plain_is_safe(pieces: list[str]) -> None:
    """The quick way accepts nothing that the parser refuses."""
    for text in ("".join(pieces), div("".join(pieces)), div("x" + "".join(pieces), ' lang="de"')):
        assert not is_plain(text) or fault(text) is None


@_quick
@pytest.mark.parametrize(
    "inside",
    [
        "x",
        "&lt;<p>x</p>",
        "<table><tbody><tr><td>x</td><td>&#160;<b>y</b></td></tr></tbody></table>",
        '<p>a<b>b</b>c<span>d</span></p><ul><li>e</li></ul><a href="https://example.org/a?b=c">f</a><br/>',
        '<div class="hapiHeaderText"><h3>a</h3></div>',
        "<p>a<i>b</i></p><td>c<i>d</i></td>",
        "<div>" * 8 + "x" + "</div>" * 8,
        '<p style="margin-bottom: 0px"><a name="a"> </a></p><div style="border: 1px #661aff solid; padding:4px;">x</div>',
        '<td style="font-size : 11px" class="hierarchy"><a href="a-b.html#c" title="d: e">f</a></td>',
        '<td class="a"><img src="icon.png" alt="." style="background-color: white" title="b" class="c"/>x</td>',
        '<table border="0" cellpadding="0" cellspacing="0" style="width: 60%"><tr><td colspan="2" class="a">x</td></tr></table>',
    ],
)
def test_what_is_common_is_plain(inside: str) -> None:
    assert is_plain(div(inside))
    assert fault(div(inside)) is None


@pytest.mark.parametrize(
    "text", [div("<p></p>", ' title="a>b"'), div('<p title="> x"></p>'), div('<p title="a>">&#32;</p>')]
)
def test_an_attribute_is_nothing_to_read(text: str) -> None:
    assert fault(text) == ("invariant", "has no text and no image (txt-2)")
    assert not is_plain(text)


@given(
    st.text(alphabet="abd:;-( )xm%#/*\\&\"'", max_size=12).map(lambda x: x.replace("x", "script")), st.text(max_size=3)
)
def test_a_plain_style_is_safe(style: str, more: str) -> None:
    for one in (
        style,
        f"-moz{style}binding",
        f"expression{style}",
        f"{style}data:{more}",
        f"a{style}behaviour:x",
        more + style,
    ):
        text = div(f'<p style="{one}">x</p>')
        assert not is_plain(text) or fault(text) is None


@_quick
def test_most_official_narratives_are_plain() -> None:
    """A change here is a change of speed, not of safety."""
    texts = [exact.decode(text).get("text") for _, text in examples.examples() if len(text) < 20_000]
    found = [is_plain(one["div"]) for one in texts if isinstance(one, dict)]
    assert sum(found) > 0.95 * len(found)


@pytest.mark.parametrize("inside", ["<p>x</p>" * 30 + "<p>x", "<div>" * 30 + "x", "<p><b>x</b>" * 500, "<p>" * 5000])
def test_what_is_not_plain_takes_linear_time(inside: str) -> None:
    """A second try of what was read would double with every element: these would not end."""
    assert not is_plain(div(inside * 3))
    assert not is_plain(div("x" * 200_000))
