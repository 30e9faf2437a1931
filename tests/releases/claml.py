"""An invented classification in ClaML 2.0."""

from __future__ import annotations


def rubric(kind: str, text: str, language: str = "en") -> str:
    return f'<Rubric kind="{kind}"><Label xml:lang="{language}" xml:space="default">{text}</Label></Rubric>'


def category(code: str, above: str, title: str, *more: str, kind: str = "category", usage: str = "") -> str:
    used = f' usage="{usage}"' if usage else ""
    over = f'<SuperClass code="{above}"/>' if above else ""
    rubrics = "".join(one for one in more if one.startswith("<Rubric"))
    others = "".join(one for one in more if not one.startswith("<Rubric"))
    return f'<Class code="{code}" kind="{kind}"{used}>{over}{others}{rubric("preferred", title)}{rubrics}</Class>'


def character(modifier: str, code: str, title: str, usage: str = "", not_after: str = "") -> str:
    used = f' usage="{usage}"' if usage else ""
    over = f'<Meta name="excludeOnPrecedingModifier" value="{not_after}"/>' if not_after else ""
    over += f'<SuperClass code="{modifier}"/>'
    return (
        f'<ModifierClass code="{code}" modifier="{modifier}"{used}>{over}{rubric("preferred", title)}</ModifierClass>'
    )


TEXT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0">
<Title date="2031-05-01" name="ICD-10-XX" version="2031">Troubles of robots</Title>
""" + "\n".join(
    (
        character("S4_4", ".0", "With sparks"),
        character("S4_4", ".1", "Acute with smoke", "aster"),
        character("S5_5", "0", "Arm"),
        character("S5_5", "1", "Leg"),
        character("PLACE_4", "0", "Workshop"),
        category("I", "", "Troubles", kind="chapter"),
        category("A00-A09", "I", "Noises", '<SubClass code="A00"/>', kind="block"),
        category(
            "A00", "A00-A09", "Squeak", '<ModifiedBy code="S4_4"/>',
            rubric("inclusion", "Chirp <Reference>A01.-</Reference>"), rubric("exclusion", "Rattle (<Reference>A01</Reference>)"),
            rubric("note", "Listen"), rubric("coding-hint", "Code it"), rubric("definition", "A high noise"),
            rubric("preferredLong", "Squeak of a robot"), rubric("preferred", "Quietsch", "de"), usage="dagger",
        ),
        category("A01", "A00-A09", "Rattle<Reference> (B00)</Reference>", '<ModifiedBy code="S5_5"/>',
                 '<SubClass code="A01.0"/><SubClass code="A01.1"/>'),
        category("A01.0", "A01", "Rattle of tin"),
        category("A01.1", "A01", "Rattle of lead", '<ExcludeModifier code="S5_5"/>'),
        category("A02", "A00-A09", "Hum", '<ModifiedBy code="S5_5"/>'),
        category("A03", "A00-A09", "Bang", '<ModifiedBy code="PLACE_4"/>'),
        category("A04", "A00-A09", "Ping",
                 '<ModifiedBy code="S4_4" all="false"><ValidModifierClass code=".1"/></ModifiedBy>', '<ModifiedBy code="S5_5"/>'),
        category("A05", "A00-A09", "Click", rubric("modifierlink", '<Reference code="PLACE_4">places</Reference>')),
    )
) + "\n</ClaML>\n"  # fmt: skip
