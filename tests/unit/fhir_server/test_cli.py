"""The command line: what it offers, and how it ends when it is used in the wrong way."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from fhir_server import cli
from fhir_server.settings import SETTINGS

COMMANDS = {
    "serve": ["serve"],
    "migrate": ["migrate"],
    "tenant": ["tenant", "list"],
    "load": ["load", "."],
    "package": ["package", "list"],
}


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.tenant], ids=lambda s: s.name)
def test_a_setting_is_an_option_of_its_commands_and_of_no_other(
    setting: cli.settings.Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    value = [] if setting.kind is bool else ["1"]
    for command, arguments in COMMANDS.items():
        if command in setting.commands:
            given = cli.parser().parse_args([*arguments, setting.option, *value])
            assert getattr(given, setting.name) == ("true" if setting.kind is bool else "1")
        else:
            with pytest.raises(SystemExit):
                cli.parser().parse_args([*arguments, setting.option, *value])


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "migrate", "tenant create", "tenant set", "tenant list", "tenant drop", "load"),
        *("package install", "package preview", "package list", "package uninstall"),
    ],
)
def test_help_fits_a_page_and_names_each_option_with_its_variable(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 66
    for setting in SETTINGS:
        offered = command.split()[0] in setting.commands
        assert (f"  {setting.option}" in shown) == offered
        assert (f"[{setting.variable}" in " ".join(shown.split())) == offered


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["serve", "--port", "eighty"], 2, "fhir-server: --port: 'eighty' is not a whole number."),
        (["serve", "--host", "0.0.0.0"], 1, "give --allow-unauthenticated if that is meant"),
        (["serve", "--host", "fhir.example.org"], 1, "everybody who reaches fhir.example.org"),
        (["serve", "--data-dir", "/dev/null/data"], 1, "The data folder /dev/null/data cannot be used"),
        (["tenant", "create", "Not A Name"], 1, "'Not A Name' cannot be a tenant"),
        (["tenant", "set", "default", "colour=red"], 2, "fhir-server: colour: not a setting of a tenant"),
        (["migrate", "--database-url", "postgresql://a@/b"], 1, "--owner-database-url is missing"),
        (["tenant", "list", "--owner-database-url", "postgresql://a@127.0.0.1:1/b"], 1, "database cannot be reached"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_code(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    assert cli.main(arguments) == code
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.startswith("fhir-server: ")
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert cli._is_loopback(host) is loopback


def test_options_are_not_guessed_from_their_beginning() -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["serve", "--data", "x"])


def test_load_takes_many_paths() -> None:
    given: argparse.Namespace = cli.parser().parse_args(["load", "a", "b.ndjson.gz", "--tenant", "north"])
    assert (given.paths, given.tenant) == ([Path("a"), Path("b.ndjson.gz")], "north")
