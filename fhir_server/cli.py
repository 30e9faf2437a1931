"""The command line: every command with the options that SETTINGS gives it. The only importer of uvicorn.

`serve` is here; what the others do is in commands.py.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from resources import migrate
from resources.database import Unsafe
from resources.outcome import BadRequest, FhirError

from . import commands, settings
from .commands import Failed, run
from .embedded import Embedded, Unusable
from .floors import FLOORS
from .settings import SETTINGS, BadSetting, Settings
from .supervisor import NotServing, Workers, ending_on_signals, listen

COMMAND_PATIENCE: Final = 10.0  # seconds that serve waits for a command that runs the database for its own time


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: not done, the reason is on standard error; 2: asked in the wrong way."""
    given = parser().parse_args(arguments)
    try:
        code: int = given.run(given, settings.read(vars(given), os.environ))
        return code
    except BadSetting as error:
        print(f"fhir-server: {error}", file=sys.stderr)
        return 2
    except FhirError as error:
        reason = " ".join(issue.diagnostics for issue in error.issues)
    except (Failed, NotServing, Unusable, Unsafe) as error:
        reason = str(error)
    except KeyboardInterrupt:
        reason = "interrupted"
    print(f"fhir-server: {reason}", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("fhir-server", description="A FHIR R4 server on PostgreSQL.", allow_abbrev=False)
    verbs = top.add_subparsers(required=True, metavar="COMMAND")
    _add(
        verbs, "serve", serve, "serve FHIR over HTTP until SIGTERM, on an embedded PostgreSQL or the one that is named"
    )
    _add(verbs, "migrate", commands.migrate_schema, "bring the schema up to date; make the application role if absent")
    tenant = verbs.add_parser("tenant", help="create, list, set, drop: tenants and their settings", allow_abbrev=False)
    verbs_of_tenant = tenant.add_subparsers(required=True, metavar="VERB")
    for name, does, help in (
        ("create", commands.create_tenant, "make a tenant; it is served at once, at /fhir/NAME"),
        ("list", commands.list_tenants, "name the tenants, with the settings they have of their own"),
        ("set", commands.set_tenant, "change settings of a tenant, in force at once"),
        ("drop", commands.drop_tenant, "delete a tenant and all it holds; once more to go on after an interruption"),
    ):
        verb = _add(verbs_of_tenant, name, does, help, options_of="tenant")
        if name != "list":
            verb.add_argument("name", metavar="NAME")
        if name == "set":
            keys = ", ".join(setting.name for setting in SETTINGS if setting.tenant)
            verb.add_argument("pairs", metavar="KEY=VALUE", nargs="+", help=f"keys: {keys}")
    load = _add(verbs, "load", commands.load_files, "store resources, Bundles and NDJSON from files and folders")
    load.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help=".json, .ndjson, either .gz, or a folder of them"
    )
    load.add_argument("--tenant", default="default", metavar="NAME", help="where they go [default]")
    reindex = _add(verbs, "reindex", commands.reindex, "make the search index anew while the server runs")
    reindex.add_argument("--tenant", metavar="NAME", help="of this tenant only; by default of all")
    reindex.add_argument("--type", metavar="TYPE", help="of this resource type only; by default of all")
    package = verbs.add_parser("package", help="install, preview, list, uninstall: FHIR packages", allow_abbrev=False)
    verbs_of_package = package.add_subparsers(required=True, metavar="VERB")
    for name, does, help in (
        ("install", commands.install_package, "store what a package defines, all of it or nothing, and index by it"),
        ("preview", commands.preview_package, "say what installing a package would do, and do nothing"),
        ("list", commands.list_packages, "name the packages that are installed"),
        ("uninstall", commands.uninstall_package, "delete what a package brought, unless it was changed since"),
    ):
        verb = _add(verbs_of_package, name, does, help, options_of="package")
        if name == "uninstall":
            verb.add_argument("package", metavar="NAME[#VERSION]")
        elif name != "list":
            verb.add_argument("file", metavar="FILE.tgz", type=Path)
        if name == "install":
            left_out = "leave out definitions that break the base rules of R4, instead of refusing the package"
            verb.add_argument("--skip-invalid", action="store_true", help=left_out)
        default, which = (None, "by default of all") if name == "list" else ("default", "[default]")
        verb.add_argument("--tenant", default=default, metavar="NAME", help=f"whose packages {which}")
    _add_terminology(verbs)
    says = "judge what is stored anew and report; exit 1 if a resource has an error"
    again = _add(verbs, "revalidate", commands.revalidate, says, options_of="reindex")
    again.add_argument("--tenant", metavar="NAME", help="of this tenant only; by default of all")
    again.add_argument("--type", metavar="TYPE", action="append", default=[], help="of this type; may be repeated")
    again.add_argument("--profile", metavar="URL", action="append", default=[], help="judge by this; may be repeated")
    again.add_argument("--samples", metavar="N", type=int, default=5, help="of each issue, 20 at most [default 5]")
    return top


def _add_terminology(verbs: Any) -> None:
    says = "load, list, drop, default, rebuild: releases of code systems and maps"
    terminology = verbs.add_parser("terminology", help=says, allow_abbrev=False)
    verbs_of_terminology = terminology.add_subparsers(required=True, metavar="VERB")
    for name, help in (
        (
            "load",
            "load a release from its official files while the server runs; once more to go on after an interruption",
        ),
        ("list", "name the releases that are loaded, with their state, size and licence"),
        ("drop", "take a release out of use and delete it"),
        ("default", "choose the version that counts where none is asked for; without a version the newest does again"),
        ("rebuild", "build indexes of what is loaded anew: of another format, or of the release that is named"),
    ):
        verb = _add(verbs_of_terminology, name, commands.terminology, help, options_of="terminology")
        verb.set_defaults(verb=name)
        if name == "load":
            systems = (
                "snomed loinc icd-10 icd-10-cm icd-10-pcs icd-11 who-map gem rxnorm ucum fhir, a canonical URL, or auto"
            )
            verb.add_argument("system", metavar="SYSTEM", help=f"{systems}: as the files look")
            verb.add_argument("path", metavar="PATH", type=Path, help="the official zip, a folder, or a file")
            verb.add_argument("--version", default="", metavar="V", help="where the files do not say it")
            verb.add_argument("--edition", default="", metavar="ID", help="of SNOMED CT the module of the edition")
            verb.add_argument(
                "--module", action="append", default=[], metavar="ID", help="of SNOMED CT: only this; may be repeated"
            )
            verb.add_argument(
                "--source", action="append", default=[], metavar="SAB", help="of RxNorm: this, too; may be repeated"
            )
            verb.add_argument("--replace", action="store_true", help="also if it is loaded with another content")
        elif name != "list":
            verb.add_argument("release", metavar="URL|VERSION", nargs="?" if name == "rebuild" else None)
        verb.add_argument("--tenant", metavar="NAME", help="for this tenant alone; by default for all, shared")


def _add(into: Any, name: str, does: Any, help: str, options_of: str = "") -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = into.add_parser(name, help=help, description=f"{help}.", allow_abbrev=False)
    command.set_defaults(run=does)
    for setting in SETTINGS:
        if (options_of or name) in setting.commands:
            default = "" if setting.default in ("", None, False) else f", default {setting.default}"
            says = f"{setting.help} [{setting.variable}{default}]".replace("%", "%%")
            if setting.kind is bool:
                command.add_argument(setting.option, action="store_const", const="true", help=says)
            else:
                command.add_argument(setting.option, metavar=setting.metavar, help=says)
    return command


def serve(_: argparse.Namespace, given: Settings) -> int:
    """Starts the embedded database, the listening socket and the workers; on SIGTERM ends them, the last one first."""
    if given.auth == "none" and not given.allow_unauthenticated and not _is_loopback(given.host):
        raise NotServing(
            f"without authentication everybody who reaches {given.host} may read and change everything: "
            "give --allow-unauthenticated if that is meant, or listen on 127.0.0.1."
        )
    with ending_on_signals(0), contextlib.ExitStack() as running:
        embedded = None
        if commands.is_embedded(given, "database_url"):
            connections = max(40, 20 + given.workers * (given.connections + 1))
            embedded = Embedded(given.data_dir, postgresql_bin=given.postgresql_bin, connections=connections)
            embedded.start("serve", COMMAND_PATIENCE)
            running.callback(embedded.stop)
            given = given.replace(database_url=embedded.application_url)
        listening = running.enter_context(listen(given.host, given.port))
        workers = running.enter_context(Workers(given.workers, listening, given.drain_seconds))
        if embedded:
            run(migrate.migrate(embedded.owner_url, embedded.application_url, FLOORS))
        else:
            run(commands.check_schema(given.database_url))
        workers.start(given)
        print(_base_url(listening), flush=True)
        workers.keep(embedded.revive if embedded else lambda: None)


def work(number: int) -> None:
    """The life of a worker. The listening socket has this number; the settings are a line on standard input, whose end
    means: answer the requests you have, and exit."""
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from .app import application
    from .edge import LARGEST_HEAD
    from .exchange import failure
    from .media import JSON

    line = sys.stdin.buffer.readline()
    if not line:
        return
    given = settings.handed_on(orjson.loads(line))
    logging.basicConfig(level=given.log_level.upper(), format="%(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.ERROR)  # its pool tells at length that the database is away

    class Bounded(HttpToolsProtocol):
        """Hangs up on a request whose URL and headers do not end: uvicorn would keep them for as long as they come.

        What is no HTTP is answered with an OperationOutcome too."""

        head = 0  # bytes that came since the last head was complete

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            begun = self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)
            self.head = self.head + len(data) if begun else 0
            if self.head > 2 * LARGEST_HEAD:  # the URL is no header
                self.send_400_response("The head of the request is too large.")

        def send_400_response(self, msg: str) -> None:
            outcome = failure(BadRequest(f"{msg} A URL has at most {LARGEST_HEAD - 1} bytes.", code="structure"))
            head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: {JSON};charset=utf-8\r\nConnection: close\r\n"
            self.transport.write(f"{head}Content-Length: {len(outcome.body)}\r\n\r\n{outcome.body}".encode())
            self.transport.close()

    config = uvicorn.Config(
        application(given),
        http=Bounded,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=given.drain_seconds,
    )

    class Worker(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), setattr, self, "should_exit", True)
            await super().startup(sockets)
            if self.started:
                os.write(sys.stdout.fileno(), b"ready\n")

    worker = Worker(config)
    run(worker.serve([socket.socket(fileno=number)]))
    sys.exit(0 if worker.started else 1)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/fhir/default"


if __name__ == "__main__":
    sys.exit(main())
