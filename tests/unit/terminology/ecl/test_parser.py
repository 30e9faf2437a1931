"""Every alternative of the grammar of ECL 2.2, what it is read as, and what is refused. TX-70, TX-72"""

from __future__ import annotations

import pytest

from resources.outcome import BadRequest
from terminology.ecl import parse, render
from terminology.ecl import syntax as s

# What is written, and how the brief syntax writes it again.
READ = [
    # focus concepts, comments, white space
    ("1234567", "1234567"),
    ("123456", "123456"),
    ("123456789012345678", "123456789012345678"),
    ("1234567 | Some  term, (thing) {x} |", "1234567 |Some  term, (thing) {x}|"),
    ("1234567|größe|", "1234567 |größe|"),
    ("\t\r\n /* a * comment */ * /**/", "*"),
    ("/* it says (that \" | */ 1234567", "1234567"),
    ("ANY", "*"),
    ("any", "*"),
    ("LOINC#54486-6", '"LOINC#54486-6"'),
    ("LOINC#a.b_c-1 |x|", '"LOINC#a.b_c-1" |x|'),
    ('"LOINC#54486-6"', '"LOINC#54486-6"'),
    ('LOINC#"a (b)"', '"LOINC#a (b)"'),
    ('"a-1-b#c d/e"', '"a-1-b#c d/e"'),
    ("R#1", '"R#1"'),
    ("ANY#1", '"ANY#1"'),
    ("(1234567)", "(1234567)"),
    ("( ( * ) )", "((*))"),
    # operators, signs and words
    ("<1234567", "< 1234567"),
    ("<< 1234567", "<< 1234567"),
    ("<!1234567", "<! 1234567"),
    ("<<!1234567", "<<! 1234567"),
    (">1234567", "> 1234567"),
    (">>1234567", ">> 1234567"),
    (">!1234567", ">! 1234567"),
    (">>!1234567", ">>! 1234567"),
    ("!!>1234567", "!!> 1234567"),
    ("!!<1234567", "!!< 1234567"),
    ("descendantOf 1234567", "< 1234567"),
    ("DescendantOrSelfOf 1234567", "<< 1234567"),
    ("childOf 1234567", "<! 1234567"),
    ("childOrSelfOf 1234567", "<<! 1234567"),
    ("ancestorOf 1234567", "> 1234567"),
    ("ancestorOrSelfOf 1234567", ">> 1234567"),
    ("PARENTOF\t1234567", ">! 1234567"),
    ("parentOrSelfOf/**/ 1234567", ">>! 1234567"),
    ("top 1234567", "!!> 1234567"),
    ("bottom (1234567)", "!!< (1234567)"),
    # members
    ("^1234567", "^ 1234567"),
    ("memberOf 1234567", "^ 1234567"),
    ("^*", "^ *"),
    ("^ (< 1234567)", "^ (< 1234567)"),
    ("< ^ 1234567", "< ^ 1234567"),
    ("^[a]1234567", "^ [a] 1234567"),
    ("^ [ a , bC ] 1234567", "^ [a, bC] 1234567"),
    ("^[*] 1234567", "^ [*] 1234567"),
    ("memberOf [any] 1234567", "^ [*] 1234567"),
    # compound and dotted
    ("1234567 AND 2345678", "1234567 AND 2345678"),
    ("1234567and 2345678 , 3456789", "1234567 AND 2345678 AND 3456789"),
    ("1234567 or 2345678 Or 3456789", "1234567 OR 2345678 OR 3456789"),
    ("1234567 MINUS/**/2345678", "1234567 MINUS 2345678"),
    ("(1234567 minus 2345678) MINUS 3456789", "(1234567 MINUS 2345678) MINUS 3456789"),
    ("(1234567 AND 2345678) OR *", "(1234567 AND 2345678) OR *"),
    ("<1234567.2345678 . < 3456789", "< 1234567 . 2345678 . < 3456789"),
    # refinements
    ("*:1234567=2345678", "* : 1234567 = 2345678"),
    ("* : 1234567 != <<2345678", "* : 1234567 != << 2345678"),
    ("* : 1234567 <> 2345678", "* : 1234567 != 2345678"),
    ("* : 1234567 NOT = 2345678", "* : 1234567 != 2345678"),
    ("* : 1234567 = (2345678 OR 3456789)", "* : 1234567 = (2345678 OR 3456789)"),
    ("* : 1234567 = *, 2345678 = *", "* : 1234567 = * AND 2345678 = *"),
    ("* : 1234567 = * OR 2345678 = *", "* : 1234567 = * OR 2345678 = *"),
    ("* : (1234567 = * OR 2345678 = *) AND * = *", "* : (1234567 = * OR 2345678 = *) AND * = *"),
    ("* : ((1234567 = *))", "* : 1234567 = *"),
    ("* : (<< 1234567 MINUS 2345678) = *", "* : (<< 1234567 MINUS 2345678) = *"),
    ("* : ((1234567)) = *", "* : ((1234567)) = *"),
    ('* : (1234567) {{ term = "a" }} = *', '* : (1234567) {{ D term = "a" }} = *'),
    ("* : [0..0] 1234567 = *", "* : [0..0] 1234567 = *"),
    ("* : [1..*]1234567 = *", "* : [1..*] 1234567 = *"),
    ("* : [1 to many] 1234567 = *", "* : [1..*] 1234567 = *"),
    ("* : [2 TO 3] 1234567 = *", "* : [2..3] 1234567 = *"),
    ("* : R 1234567 = *", "* : R 1234567 = *"),
    ("* : R1234567 = *", "* : R 1234567 = *"),
    ("* : [3..3] reverseOf << 1234567 = *", "* : [3..3] R << 1234567 = *"),
    ("* : { 1234567 = * }", "* : { 1234567 = * }"),
    ("* : [0..1] {1234567 = *, [1..1] 2345678 = *}, * = *", "* : [0..1] { 1234567 = * AND [1..1] 2345678 = * } AND * = *"),
    ("* : { (1234567 = * OR 2345678 = *), * = * }", "* : { (1234567 = * OR 2345678 = *) AND * = * }"),
    ("* : ({* = *} OR {* != *}) AND * = *", "* : ({ * = * } OR { * != * }) AND * = *"),
    ("* : LOINC#1 = SCT#2", '* : "LOINC#1" = "SCT#2"'),
    # concrete values
    *((f"* : 1234567 {sign} #5", f"* : 1234567 {sign} #5") for sign in ("=", "!=", "<", "<=", ">", ">=")),
    *((f"* : 1234567 = #{number}", f"* : 1234567 = #{number}") for number in ("0", "-5", "+5", "0.5", "12.050")),
    ('* : 1234567 = "a b"', '* : 1234567 = "a b"'),
    ('* : 1234567 != match : "a"', '* : 1234567 != match:"a"'),
    (r'* : 1234567 = WILD:"a*\*\"\\"', r'* : 1234567 = wild:"a*\*\"\\"'),
    ('* : 1234567 = ("a" wild:"b*" /**/ "c")', '* : 1234567 = ("a" wild:"b*" "c")'),
    ('* : 1234567 = ( "a" )', '* : 1234567 = "a"'),
    ("* : 1234567 = TRUE", "* : 1234567 = true"),
    ("* : 1234567 != False", "* : 1234567 != false"),
    ('* : 1234567 = "A#1"', '* : 1234567 = "A#1"'),
    ('* : 1234567 = ("A#1" "B#2")', '* : 1234567 = ("A#1" "B#2")'),
    ('* : 1234567 = ("A#1" OR "B#2")', '* : 1234567 = ("A#1" OR "B#2")'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "brief"), READ)
def test_read(text: str, brief: str) -> None:
    expression = parse(text)
    assert render(expression) == brief
    assert parse(brief) == expression
    assert parse(f" /* a */\t{text}\r\n") == expression


def test_tree() -> None:
    concept = s.SubExpression(s.Concept("1234567", "a"))
    group = s.Group(s.Attribute(concept, "=", s.Number("5")), s.Cardinality(1, None))
    plain = s.Attribute(s.SubExpression(s.Wildcard()), "!=", s.Terms((s.SearchTerm("b"),)), s.Cardinality(0, 0), True)
    whole = s.Refined(s.SubExpression(s.Wildcard(), "<<"), s.Junction("OR", (group, plain)))
    assert parse('<<*: [1..*] {1234567|a| = #5} OR [0..0] R * != "b"') == whole


# What is written, where the fault is, and a piece of what was expected.
REFUSED = [
    ("", 1, "a concept"),
    ("  ", 3, "a concept"),
    ("foo", 1, "a concept"),
    ("12345", 1, "6 to 18 digits"),
    ("0123456", 1, "6 to 18 digits"),
    ("1234567890123456789", 1, "6 to 18 digits"),
    ("1234567 2345678", 9, "the end"),
    ("1234567 |", 9, "ends with '|'"),
    ("1234567 ||", 10, "a term"),
    ("1234567 /* open", 9, "the end"),
    ("LOINC#", 7, "a code"),
    ("(1234567", 9, "')'"),
    ("1234567)", 8, "the end"),
    ("< < 1234567", 3, "a concept"),
    ("<!! 1234567", 3, "a concept"),
    ("descendantOf", 13, "white space"),
    ("^ ^ 1234567", 3, "a concept"),
    ("^[] 1234567", 3, "the field"),
    ("^[a 1234567", 5, "']'"),
    ("^[a,] 1234567", 5, "the field"),
    ("* AND", 6, "white space"),
    ("* AND(*)", 6, "white space"),
    ("* AND ", 7, "a concept"),
    ("* AND * OR *", 9, "brackets"),
    ("* OR * MINUS *", 8, "brackets"),
    ("* MINUS * MINUS *", 11, "brackets"),
    ("*.", 3, "a concept"),
    ("*:", 3, "a concept"),
    ("* : 1234567", 12, "a comparison"),
    ("* : 1234567 =", 14, "a concept"),
    ("* : 1234567 = = *", 15, "a concept"),
    ("* : 1234567 > *", 15, "'#'"),
    ("* : 1234567 = #", 16, "a number"),
    ("* : 1234567 = #01", 16, "a number"),
    ("* : 1234567 = #1.", 16, "a number"),
    ('* : 1234567 = ""', 16, "a word"),
    ('* : 1234567 = "a', 15, "a text"),
    (r'* : 1234567 = "a\b"', 15, "a text"),
    (r'* : 1234567 = "a\*"', 15, "a text"),
    ('* : 1234567 = wild:""', 20, "a text"),
    ('* : 1234567 = ("a""b")', 19, "white space"),
    ("* : 1234567 = * MINUS * = *", 17, "AND, OR"),
    ("* : 1234567 = *, 2345678 = * OR * = *", 30, "brackets"),
    ("* : 1234567 = * : * = *", 17, "the end"),
    ("* : 1234567 = * . *", 17, "the end"),
    ("* : [1..] 1234567 = *", 5, "a cardinality"),
    ("* : [1to2] 1234567 = *", 5, "a cardinality"),
    ("* : [3..1] 1234567 = *", 5, "not above"),
    ("* : [*..1] 1234567 = *", 5, "a cardinality"),
    ("* : [01..1] 1234567 = *", 5, "a cardinality"),
    ("* : [1..99999999999] 1234567 = *", 5, "a cardinality"),
    ("* : r 1234567 = *", 5, "a concept"),
    ("* : { 1234567 = *", 18, "'}'"),
    ("* : { { 1234567 = * } }", 7, "no group"),
    ("* : { }", 7, "a concept"),
    ("* : 1234567 = *, ", 18, "a concept"),
    ("*\u0000", 2, "the end"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "expected"), REFUSED)
def test_refused(text: str, column: int, expected: str) -> None:
    """TX-72"""
    with pytest.raises(BadRequest) as caught:
        parse(text)
    issue = caught.value.issues[0]
    assert (issue.code, issue.location) == ("invalid", (f"line 1, column {column}",))
    assert expected in issue.diagnostics.partition("expected ")[2].rpartition(", found ")[0]
