"""An invented linearization in the layout of the ICD-11 tabulation, with entities as the ICD API has them."""

from __future__ import annotations

import json
from typing import Any

BASE = "http://id.who.int/icd/release/11/mms/"
COLUMNS = (
    "Foundation URI",
    "Linearization URI",
    "Code",
    "BlockId",
    "Title",
    "ClassKind",
    "DepthInKind",
    "IsResidual",
    "ChapterNo",
    "BrowserLink",
    "isLeaf",
    "Primary tabulation",
    *(f"Grouping{number}" for number in range(1, 6)),
)
STAMP = "Version:2031 Mar 02 - 22:30 UTC"
ROWS = (  # entity, code, block, depth, title, kind, residual
    ("1001", "", "", 0, "Troubles of made-up robots", "chapter", ""),
    ("1002", "", "BlockL1-1Q0", 1, "Troubles of joints", "block", ""),
    ("1003", "1Q00", "", 2, "Squeaking joint", "category", "False"),
    ("1004", "1Q00.0", "", 3, "Squeaking joint, “loud”", "category", "False"),
    ("1003/other", "1Q00.Y", "", 3, "Other squeaking joint", "category", "True"),
    ("1005", "1Q01", "", 2, "Stuck joint", "category", "False"),
    ("1006", "1Q02", "", 2, "Trouble due to another one", "category", "False"),
    ("9001", "", "", 0, "Words of extension", "chapter", ""),
    ("9002", "", "", 1, "Side", "block", ""),
    ("9003", "XK1", "", 2, "Left side", "category", "False"),
    ("9004", "XK2", "", 2, "Right side", "category", "False"),
    ("9005", "", "", 1, "Place", "block", ""),
    ("9006", "XE1", "", 2, "Workshop", "category", "False"),
    ("9007", "XE11", "", 3, "Bench of the workshop", "category", "False"),
    ("9008", "XE12", "", 3, "Door of the workshop", "category", "False"),
    ("9009", "XE2", "", 2, "Garage", "category", "False"),
    ("9010", "", "", 1, "Words on the diagnosis", "block", ""),
    ("9011", "XY1", "", 2, "Main trouble", "category", "False"),
    ("9012", "XY2", "", 2, "Found by chance", "category", "False"),
)


def tabulation(language: str = "en") -> str:
    """Text of SimpleTabulation-ICD-11-MMS-{language}.txt: a byte order mark, CRLF, one header cell too many."""
    columns = [*COLUMNS]
    if language != "en":
        columns.insert(4, "TitleEN")
    lines = ["\ufeff" + "\t".join((*columns, STAMP))]
    for entity, code, block, depth, title, kind, residual in ROWS:
        foundation = "" if "/" in entity else f"http://id.who.int/icd/entity/{entity}"
        written = "- " * depth + title
        titles = [written] if language == "en" else [written, "- " * depth + f"{title} ({language})"]
        link = f'"=hyperlink(""https://example.org/{entity}"",""browser"")"'
        quoted = [f'"{one}"' for one in titles]
        rest = [kind, "1", residual, "01" if entity < "9" else "X", link, "True", "True", block and "", "", "", "", ""]
        lines.append("\t".join((foundation, BASE + entity, code, block, *quoted, *rest)))
    return "\r\n".join(lines) + "\r\n"


def entity(number: str, axes: list[dict[str, Any]] | None = None, **more: Any) -> str:
    """An entity of the ICD API."""
    tree = {"@id": f"http://id.who.int/icd/release/11/2031-03/mms/{number}", **more}
    if axes:
        tree["postcoordinationScale"] = axes
    return json.dumps(tree)


def axis(name: str, multiple: str, *scale: str, required: bool = False) -> dict[str, Any]:
    return {
        "axisName": f"http://id.who.int/icd/schema/{name}",
        "requiredPostcoordination": str(required).lower(),
        "allowMultipleValues": multiple,
        "scaleEntity": [f"http://id.who.int/icd/release/11/2031-03/mms/{one}" for one in scale],
    }


def text(value: str) -> dict[str, str]:
    return {"@language": "en", "@value": value}


AXES = {
    "1003.json": entity(
        "1003",
        [axis("laterality", "NotAllowed", "9002"), axis("place", "AllowedExceptFromSameBlock", "9005")],
        definition=text("A joint that can be heard."),
        indexTerm=[{"label": text("Noisy hinge")}, {"label": text("Squeaking joint")}],
        inclusion=[{"label": text("Chirping joint")}],
        exclusion=[{"label": text("Stuck joint")}],
        title=text("Squeaking joint"),
    ),
    "1006.json": entity("1006", [axis("hasCausingCondition", "AllowAlways", "1002", required=True)]),
    "9006.json": entity("9006", [axis("laterality", "NotAllowed", "9002")]),
}
