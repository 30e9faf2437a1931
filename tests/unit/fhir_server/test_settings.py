"""Settings: read once, errors that name them, and a page of the documentation that lists every one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_server import settings
from fhir_server.settings import SETTINGS, BadSetting, Setting, read, read_tenant

ROOT = Path(__file__).parents[3]
PROCESS = [setting for setting in SETTINGS if not setting.tenant]


def test_the_option_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"FHIR_SERVER_PORT": "81", "FHIR_SERVER_WORKERS": "3", "FHIR_SERVER_HOST": ""}
    given = read({"port": "82", "workers": None}, environ)
    assert (given.port, given.workers, given.host) == (82, 3, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "0", 0),
        ("data_dir", "a/b", Path("a/b")),
        ("allow_unauthenticated", "true", True),
        ("allow_unauthenticated", "Off", False),
        ("database_url", "postgresql://a:b@/fhir?host=/run", "postgresql://a:b@/fhir?host=/run"),
        ("base_url", "https://fhir.example.org", "https://fhir.example.org"),
        ("log_level", "error", "error"),
    ],
)
def test_a_text_becomes_a_value_of_its_kind(name: str, text: str, value: object) -> None:
    assert getattr(read({name: text}, {}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("port", "65536", "65536 is not between 0 and 65535"),
        ("port", "-1", "'-1' is not a whole number"),
        ("port", "8o80", "'8o80' is not a whole number"),
        ("port", "٣", "is not a whole number"),
        ("workers", "0", "0 is not between 1 and 512"),
        ("workers", "9" * 5000, "is not a whole number"),
        ("allow_unauthenticated", "perhaps", "'perhaps' is neither true nor false"),
        ("auth", "smart", "'smart' is not one of none"),
        ("database_url", "mysql://user:secret@host/x", "not a URL that begins with postgresql://"),
        ("base_url", "fhir.example.org", "not a URL that begins with https://"),
    ],
)
def test_an_error_names_the_setting_as_it_was_given(name: str, text: str, message: str) -> None:
    [setting] = [setting for setting in SETTINGS if setting.name == name]
    for given_as, options, environ in (
        (setting.option, {name: text}, {}),
        (setting.variable, {}, {setting.variable: text}),
    ):
        with pytest.raises(BadSetting) as raised:
            read(options, environ)
        assert str(raised.value).startswith(f"{given_as}: ")
        assert message in str(raised.value)
        assert "secret" not in str(raised.value)


def test_settings_cannot_be_changed_and_hide_their_secrets() -> None:
    given = read({"database_url": "postgresql://app:secret@/fhir"}, {})
    assert "secret" not in repr(given)
    assert "'port': 8000" in repr(given)
    with pytest.raises(AttributeError):
        given.port = 1
    with pytest.raises(AttributeError):
        _ = given.prot
    assert (given.replace(port=1).port, given.port) == (1, 8000)


def test_what_is_handed_to_a_worker_is_what_was_read() -> None:
    """By way of JSON, which knows no paths."""
    given = read({"data_dir": "a/b", "port": "82"}, {"FHIR_SERVER_TERMINOLOGY_DIR": "c"})
    assert settings.handed_on(json.loads(json.dumps(dict(given.values), default=str))) == given


def test_settings_of_a_tenant_are_keys_and_values() -> None:
    assert read_tenant(["update_create=false", "default_count=50"]) == {"update_create": False, "default_count": 50}
    for pair, message in (
        ("update_create", "KEY=VALUE"),
        ("port=1", "port: not a"),
        ("max_count=0", "max_count: 0 is not"),
    ):
        with pytest.raises(BadSetting, match=message):
            read_tenant([pair])


def test_a_list_of_types_names_types() -> None:
    assert read_tenant(["search_words=Observation, Composition,Observation"]) == {
        "search_words": "Composition,Observation"
    }
    assert read_tenant(["search_words="]) == {"search_words": ""}
    with pytest.raises(BadSetting, match="search_words: 'Foo' is not a resource type"):
        read_tenant(["search_words=Patient,Foo"])


def test_no_setting_of_a_tenant_is_one_of_the_process() -> None:
    assert not set(read({}, {}).values) & {setting.name for setting in SETTINGS if setting.tenant}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_complete(setting: Setting) -> None:
    assert setting.help
    assert setting.tenant != bool(setting.commands)
    if setting.default not in ("", None):
        assert setting.parse(str(setting.default), "") == setting.default
    assert setting.secret == ("database_url" in setting.name)


def test_the_page_of_the_documentation_is_this_table() -> None:
    """Red after a change of the table: python -m fhir_server.settings > docs/settings.md"""
    written = (ROOT / "docs/settings.md").read_text()
    assert written == settings.page()
    for setting in SETTINGS:
        assert f"`{setting.name if setting.tenant else setting.option}`" in written
