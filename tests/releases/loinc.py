"""A LOINC release of invented terms: the layout of the files, and nothing of theirs."""

from __future__ import annotations

from .files import quoted

TERM, OLD, PANEL, QUESTION = "10000-1", "10001-9", "20000-0", "30000-8"
ANALYTE, TOP, QUANTITY, ORDINAL = "LP100-1", "LP101-9", "LP102-7", "LP103-5"
LIST, YES, NO = "LL100-1", "LA100-1", "LA101-9"
GROUP, PARENT_GROUP = "LG100-1", "LG101-9"
COLUMNS = (
    "LOINC_NUM", "COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS", "VersionLastChanged",
    "DefinitionDescription", "STATUS", "CONSUMER_NAME", "CLASSTYPE", "SHORTNAME", "ORDER_OBS", "EXTERNAL_COPYRIGHT_NOTICE",
    "LONG_COMMON_NAME", "EXAMPLE_UCUM_UNITS", "PanelType", "DisplayName",
)  # fmt: skip


def _term(code: str, component: str, name: str, **more: str) -> dict[str, str]:
    axes = {
        "PROPERTY": "SCnt",
        "TIME_ASPCT": "Pt",
        "SYSTEM": "Robot",
        "SCALE_TYP": "Qn",
        "METHOD_TYP": "",
        "CLASS": "OIL",
    }
    told = {"STATUS": "ACTIVE", "CLASSTYPE": "1", "VersionLastChanged": "2.9"}
    return {"LOINC_NUM": code, "COMPONENT": component, "LONG_COMMON_NAME": name, **axes, **told, **more}


TERMS = [
    _term(
        TERM, "Oil", "Oil in robot", SHORTNAME="Oil Rbt", DisplayName="Oil", DefinitionDescription='How "oily", it is'
    ),
    _term(OLD, "Grease", "Grease in robot", STATUS="DEPRECATED", VersionLastChanged="2.31"),
    _term(PANEL, "Oils", "Oils panel", PanelType="Panel", SCALE_TYP="-"),
    _term(QUESTION, "Happy", "Is the robot happy?", SCALE_TYP="Ord", EXTERNAL_COPYRIGHT_NOTICE="© Robots Ltd"),
]
TABLE = "LoincTable/Loinc.csv"
_LINK = (
    "LoincNumber",
    "LongCommonName",
    "PartNumber",
    "PartName",
    "PartCodeSystem",
    "PartTypeName",
    "LinkTypeName",
    "Property",
)


def _link(term: str, part: str, name: str, kind: str, named: str) -> dict[str, str]:
    values = (term, "", part, name, "http://loinc.org", kind, "Primary", f"http://loinc.org/property/{named}")
    return dict(zip(_LINK, values, strict=True))


def files() -> dict[str, str]:
    """All files, by path."""
    accessory: dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]] = {
        "PartFile/Part.csv": (
            ("PartNumber", "PartTypeName", "PartName", "PartDisplayName", "Status"),
            [
                (ANALYTE, "COMPONENT", "Oil", "Oil (any)", "ACTIVE"),
                (QUANTITY, "SCALE", "Qn", "", "ACTIVE"),
                (ORDINAL, "SCALE", "Ord", "Ord", "DEPRECATED"),
            ],
        ),
        "ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv": (
            ("PATH_TO_ROOT", "SEQUENCE", "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"),
            [("", "1", "", TOP, "Fluids"), (TOP, "1", TOP, ANALYTE, "Oil"), (f"{TOP}.{ANALYTE}", "1", ANALYTE, TERM, "Oil")],
        ),
        "AnswerFile/AnswerList.csv": (
            ("AnswerListId", "AnswerListName", "AnswerListOID", "ExtDefinedYN", "AnswerStringId", "SequenceNumber", "DisplayText",
             "ExtCodeId", "ExtCodeSystem", "Score"),
            [
                (LIST, "Yes or no", "1.2.3", "N", YES, "1", "Yes", "77", "http://example.org/codes", "5"),
                (LIST, "Yes or no", "1.2.3", "N", NO, "2", "No", "", "", "0"),
                ("LL200-9", "Defined elsewhere", "", "Y", "", "", "", "", "", ""),
            ],
        ),
        "AnswerFile/LoincAnswerListLink.csv": (
            ("LoincNumber", "LongCommonName", "AnswerListId", "AnswerListName", "AnswerListLinkType", "ApplicableContext"),
            [(QUESTION, "Is the robot happy?", LIST, "Yes or no", "PREFERRED", "")],
        ),
        "PanelsAndForms/PanelsAndForms.csv": (
            ("ParentId", "ParentLoinc", "ParentName", "ID", "SEQUENCE", "Loinc", "LoincName", "ObservationRequiredInPanel"),
            [("1", PANEL, "Oils", "1", "1", PANEL, "Oils", ""), ("1", PANEL, "Oils", "2", "2", TERM, "Oil", "R")],
        ),
        "PanelsAndForms/Loinc.csv": (COLUMNS, [("99999-0", *("x" * (len(COLUMNS) - 1)))]),
        "PanelsAndForms/AnswerList.csv": (("AnswerListId", "AnswerListName"), [("LL999-9", "a copy")]),
        "GroupFile/ParentGroup.csv": (("ParentGroupId", "ParentGroup", "Status"), [(PARENT_GROUP, "Fluids", "Active")]),
        "GroupFile/Group.csv": (
            ("ParentGroupId", "GroupId", "Group", "Archetype", "Status", "VersionFirstReleased"),
            [(PARENT_GROUP, GROUP, "Oils of all kinds", "", "Active", "2.30")],
        ),
        "GroupFile/GroupLoincTerms.csv": (
            ("Category", "GroupId", "Archetype", "LoincNumber", "LongCommonName"),
            [("Fluids", GROUP, "", TERM, "Oil in robot")],
        ),
        "ConsumerName/ConsumerName.csv": (("LoincNumber", "ConsumerName"), [(TERM, "Robot oil")]),
        "LinguisticVariants/LinguisticVariants.csv": (
            ("ID", "ISO_LANGUAGE", "ISO_COUNTRY", "LANGUAGE_NAME", "PRODUCER"),
            [("1", "eo", "EO", "Esperanto", "nobody")],
        ),
        "LinguisticVariants/eoEO1LinguisticVariant.csv": (
            ("LOINC_NUM", "COMPONENT", "PROPERTY", "SYSTEM", "SHORTNAME", "LONG_COMMON_NAME", "LinguisticVariantDisplayName"),
            [(TERM, "Oleo", "", "", "Oleo R", "Oleo en roboto", ""), (QUESTION, "Felicha", "", "Roboto", "", "", "")],
        ),
        "DocumentOntology/DocumentOntology.csv": (
            ("LoincNumber", "PartNumber", "PartTypeName", "PartSequenceOrder", "PartName"),
            [(TERM, ANALYTE, "Document.TypeOfService", "1", "Oil")],
        ),
        "LoincIeeeMedicalDeviceCodeMappingTable/LoincIeeeMedicalDeviceCodeMappingTable.csv": (
            ("LOINC_NUM", "LOINC_LONG_COMMON_NAME", "IEEE_CF_CODE10", "IEEE_REFID", "EQUIVALENCE"),
            [(TERM, "Oil in robot", "4711", "MDC_OIL", "equivalent")],
        ),
        "PartFile/PartRelatedCodeMapping.csv": (
            ("PartNumber", "PartName", "PartTypeName", "ExtCodeId", "ExtCodeDisplayName", "ExtCodeSystem", "Equivalence",
             "ContentOrigin"),
            [
                (ANALYTE, "Oil", "COMPONENT", "500", "Oily thing", "http://example.org/codes", "equivalent", "us"),
                (ANALYTE, "Oil", "COMPONENT", "R1", "oil", "https://example.org/other", "wider", "us"),
            ],
        ),
        "Unknown/Novelty.csv": (("A", "B"), [("1", "2")]),
    }  # fmt: skip
    found = {TABLE: quoted(COLUMNS, TERMS)}
    found["LoincTable/MapTo.csv"] = quoted(
        ("LOINC", "MAP_TO", "COMMENT"),
        [
            {"LOINC": OLD, "MAP_TO": TERM},
            {"LOINC": "10002-7", "MAP_TO": TERM, "COMMENT": "if it is oil"},
            {"LOINC": "10002-7", "MAP_TO": QUESTION, "COMMENT": "if it is happiness"},
        ],
    )
    found["LoincTable/SourceOrganization.csv"] = quoted(
        ("ID", "COPYRIGHT_ID", "NAME", "COPYRIGHT", "TERMS_OF_USE", "URL"), [{"ID": "1", "NAME": "Robots Ltd"}]
    )
    for name, (columns, rows) in accessory.items():
        found[f"AccessoryFiles/{name}"] = quoted(columns, [dict(zip(columns, row, strict=True)) for row in rows])
    found["AccessoryFiles/PartFile/LoincPartLink_Primary.csv"] = quoted(
        _LINK,
        [_link(TERM, ANALYTE, "Oil", "COMPONENT", "COMPONENT"), _link(TERM, QUANTITY, "Qn", "SCALE", "SCALE_TYP")],
    )
    found["AccessoryFiles/PartFile/LoincPartLink_Supplementary.csv"] = quoted(
        _LINK, [_link(TERM, ANALYTE, "Oil", "COMPONENT", "analyte-core")]
    )
    return found
