"""A RxNorm release of invented content in its rich release format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

GLUE, TABLET, OLD, SUPPRESSED, GONE = "100", "200", "300", "400", "500"


def _atom(
    cui: str, atom: str, source: str, kind: str, text: str, *, preferred: str = "Y", suppressed: str = "N"
) -> str:
    return (
        f"{cui}|ENG|P|L{atom}|PF|S{atom}|{preferred}|{atom}||{cui}||{source}|{kind}|C{atom}|{text}|0|{suppressed}|4096|"
    )


FILES: Mapping[str, Sequence[str]] = {
    "RXNCONSO": (
        _atom(GLUE, "1", "RXNORM", "SY", "sticky stuff"),
        _atom(GLUE, "2", "RXNORM", "IN", "glue"),
        _atom(GLUE, "3", "OTHERS", "PT", "a name of others"),
        _atom(TABLET, "4", "RXNORM", "SCD", "glue 5 MG Oral Tablet"),
        _atom(OLD, "5", "RXNORM", "IN", "paste", suppressed="O"),
        _atom(SUPPRESSED, "6", "RXNORM", "IN", "gum", suppressed="E"),
        _atom("900", "7", "OTHERS", "PT", "only others have this"),
    ),
    "RXNREL": (
        f"{GLUE}||CUI|RO|{TABLET}||CUI|has_ingredient|1||RXNORM|RXNORM||||4096|",
        f"{TABLET}||CUI|RO|{GLUE}||CUI|ingredient_of|2||RXNORM|RXNORM||||4096|",
        f"{GLUE}|2|AUI|RO|{TABLET}|4|AUI|of_atoms|3||RXNORM|RXNORM||||4096|",
        f"{GLUE}||CUI|RB|{TABLET}||CUI|of_others|4||OTHERS|OTHERS||||4096|",
        f"900||CUI|RO|{TABLET}||CUI|to_nowhere|5||RXNORM|RXNORM||||4096|",
    ),
    "RXNSAT": (
        f"{TABLET}|L4|S4|4|AUI|C4|A1||RXN_STRENGTH|RXNORM|5 MG|N|4096|",
        f"{TABLET}|L4|S4|4|AUI|C4|A2||RXN_OLD|RXNORM|4 MG|O|4096|",
        f"{TABLET}|L4|S4|4|AUI|C4|A3||THEIRS|OTHERS|x|N|4096|",
    ),
    "RXNSTY": (f"{TABLET}|T900|A1.1|Invented Tablet|AT1|256|", "900|T901|A1.2|Other|AT2|256|"),
    "RXNATOMARCHIVE": (
        f"8|A8|old glue|t1|t2|t3|{GONE}|N|ENG|2029AA||RXNORM_29|{GONE}|RXNORM|SY|{GLUE}|",
        f"9|A9|bone glue|t1|t2|t3|{GONE}|N|ENG|2029AA||RXNORM_29|{GONE}|RXNORM|IN|{GLUE}|",
        f"10|A10|lost|t1|t2|t3|{GLUE}|N|ENG|2029AA||RXNORM_29|{GLUE}|RXNORM|IN|{GLUE}|",
        "11|A11|theirs|t1|t2|t3|600|N|ENG|2029AA||OTHERS|600|OTHERS|IN||",
    ),
    "RXNSAB": (
        "C1|C0|RXNORM_30AA_300703F|RXNORM|RxNorm|RXNORM|30AA_300703F|||||||0|9|9|||||UTF-8|Y|Y|||",
        "C2|C0|OTHERS_1|OTHERS|Others|OTHERS|1|||||||3|9|9|||||UTF-8|Y|Y|||",
    ),
}


def write(folder: Path, files: Mapping[str, Sequence[str]] = FILES, *, end: str = "\n") -> Path:
    """Writes the files below folder/rrf, and returns the folder."""
    (folder / "rrf").mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / "rrf" / f"{name}.RRF").write_text("".join(f"{line}{end}" for line in lines), encoding="utf-8")
    return folder
