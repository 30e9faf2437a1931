from __future__ import annotations

from resources.fhirpath.nodes import model
from resources.profiles.compiler import check_of
from resources.profiles.definition import Discriminator
from resources.profiles.discriminators import matcher
from resources.profiles.matching import Matcher
from tests.unit.resources.profiles.made import element, found, profile_of, slicing, types
from tests.unit.resources.profiles.stand_in import DEFINITIONS, at, run_of

PROFILE = profile_of(
    "Patient",
    element("Patient.telecom", slicing=slicing(("value", "system"), ("value", "use"))),
    element("Patient.telecom:home", max="1"),
    element("Patient.telecom:home.system", fixedCode="phone"),
    element("Patient.telecom:home.use", fixedCode="home"),
    element("Patient.telecom:mail", max="1"),
    element("Patient.telecom:mail.system", fixedCode="email"),
    element("Patient.telecom:mail.use", max="0"),
)
TELECOM = PROFILE.root.children[0]


def made(kind: str, path: str, number: int = 0) -> Matcher | None:
    shape = model(DEFINITIONS).shape("ContactPoint")
    one = Discriminator(kind, path)
    return matcher(one, TELECOM.slices[number], TELECOM, shape, DEFINITIONS.structures, check_of)


def test_a_fixed_text_at_a_plain_path_is_a_key() -> None:
    found = made("value", "system")
    assert found is not None
    assert found.key == (("system",), "phone")
    assert found.text == 'system is "phone"'


def test_what_the_slice_does_not_speak_of_tells_nothing() -> None:
    for kind in ("value", "pattern", "exists", "type", "profile"):
        assert made(kind, "rank") is None
    assert made("value", "no path(") is None


def test_each_kind_of_discriminator() -> None:
    run = run_of({"resourceType": "Patient", "telecom": [{"system": "phone", "use": "home"}, {"system": "email"}]})
    phone, mail = at(run, "Patient.telecom[0]"), at(run, "Patient.telecom[1]")
    for kind, path, number, of_phone, of_mail in (
        ("value", "system", 0, True, False),
        ("pattern", "system", 1, False, True),
        ("value", "use", 1, False, True),
        ("exists", "use", 1, False, True),
    ):
        told = made(kind, path, number)
        assert told is not None
        assert (told.match(phone, run), told.match(mail, run)) == (of_phone, of_mail)


def test_several_discriminators_together() -> None:
    phone, mail = {"system": "phone", "use": "home"}, {"system": "email"}
    others = [{"system": "phone", "use": "work"}, {"system": "email", "use": "home"}]
    assert found(PROFILE, {"resourceType": "Patient", "telecom": [phone, mail, *others]}) == []
    assert found(PROFILE, {"resourceType": "Patient", "telecom": [phone, phone, mail, mail]}) == [
        ("error", "structure", "Patient.telecom"),
        ("error", "structure", "Patient.telecom"),
    ]


def test_a_discriminator_that_no_slice_speaks_of_leaves_conformance() -> None:
    profile = profile_of(
        "Patient",
        element("Patient.contact", slicing=slicing(("value", "telecom.system"))),
        element("Patient.contact:named", min=1, type=types("BackboneElement")),
        element("Patient.contact:named.name", min=1),
    )
    assert found(profile, {"resourceType": "Patient", "contact": [{"name": {"text": "a"}}]}) == []
    assert found(profile, {"resourceType": "Patient", "contact": [{"gender": "other"}]}) == [
        ("error", "required", "Patient.contact")
    ]
