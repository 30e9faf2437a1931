"""The load command: resources, Bundles and NDJSON from files, through the same write path as over HTTP.

A Bundle of type transaction or batch is done as it says. Of any other Bundle the entries, and every other resource, are
stored by PUT under their own id, so that a second load of the same files changes nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import time
import zlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
from msgspec import Struct

from resources import exact
from resources.database import Session
from resources.outcome import FhirError, Invalid, PreconditionFailed, Unavailable
from resources.store import StaleDefinitions

from .app import opened
from .bundle import process
from .edge import Opened
from .exchange import Request
from .links import may_be_conditional
from .planning import Plan, write_of
from .router import find
from .settings import Settings
from .tenancy import Tenant
from .validation.book import Book
from .writing import apply_each, planned

_TOGETHER: Final = 200  # resources written by one call
_AT_ONCE: Final = 3  # calls under way: one is planned while the database works on the others
_SUFFIXES: Final = (".json", ".ndjson")


class Item(Struct, frozen=True):
    """A resource or Bundle to be loaded."""

    label: str  # where it comes from: "patients.ndjson:17"
    read: Callable[[], bytes]


class _Resource(Struct, frozen=True):
    """A resource to be stored by PUT, and the text it was read from; empty if no conditional reference is in it."""

    label: str
    tree: dict[str, Any]
    text: bytes


class Refusal(Struct, frozen=True):
    """What was not stored, and why."""

    label: str
    why: str


async def run(settings: Settings, paths: Sequence[Path], tenant: str, out: TextIO) -> int:
    """Loads files and folders into a tenant and reports to out; 0 if all was stored, 1 if anything was refused.

    Raises NotFound for an unknown tenant, Unavailable when the database goes away."""
    async with opened(settings) as server:
        return await load(server, paths, tenant, out, settings.base_url)


async def load(server: Opened, paths: Sequence[Path], tenant: str, out: TextIO, base_url: str = "") -> int:
    """The same with a server that is open already."""
    server.tenants.get(tenant)
    files, passed_over = _files(paths)
    for path in passed_over:
        print(f"passed over {path}: not .json or .ndjson, plain or .gz", file=out)
    progress = _Progress(sum(path.stat().st_size for path in files if path.exists()), out)
    loading = _Loading(server, tenant, f"{base_url}/fhir/{tenant}", progress)
    await loading.all(files)
    progress.done(len(loading.refused), len(passed_over))
    for refusal in loading.refused:
        print(f"{refusal.label}: {refusal.why}", file=out)
    return 1 if loading.refused else 0


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files to load, those of folders in the order of their bytes, and those to pass over."""
    found: list[Path] = []
    for path in paths:
        within = (one for one in path.rglob("*") if one.is_file()) if path.is_dir() else (path,)
        found.extend(sorted(within, key=os.fsencode))
    # A path that is not there is no file to pass over: that it cannot be read is said of it.
    wanted = {path for path in found if path.name.removesuffix(".gz").endswith(_SUFFIXES) or not path.exists()}
    return [path for path in found if path in wanted], [path for path in found if path not in wanted]


def _why(error: FhirError) -> str:
    issues = (" ".join((*issue.expression, issue.diagnostics)) for issue in error.issues)
    return f"{error.status} {'; '.join(issues)}"


class _Loading:
    """One run: what is under way, and what was refused so far."""

    def __init__(self, server: Opened, tenant: str, base: str, progress: _Progress) -> None:
        self.refused: list[Refusal] = []
        self._server = server
        self._tenant = tenant
        self._base = base
        self._progress = progress
        self._buffer: list[_Resource] = []  # to be stored together
        self._waiting: list[tuple[Item, str]] = []  # Bundles whose conditional references found nothing yet, and why
        self._tasks: dict[asyncio.Task[None], frozenset[str]] = {}  # with what they write

    async def all(self, files: Sequence[Path]) -> None:
        try:
            for path in files:
                await self._file(path)
            await self._settle()
            # Bundles may refer by condition to what a later file brings; those left at the end are refused.
            before = -1
            while self._waiting and len(self._waiting) != before:
                before, again, self._waiting = len(self._waiting), self._waiting, []
                for item, _ in again:
                    await self._item(item)
                await self._settle()
            self.refused += [Refusal(item.label, why) for item, why in self._waiting]
        finally:
            for task in self._tasks:
                task.cancel()

    async def _file(self, path: Path) -> None:
        try:
            if ".ndjson" in path.suffixes[-2:]:
                for number, line in _lines(path, self._progress):
                    await self._item(Item(f"{path}:{number}", partial(bytes, line.strip())))
            else:
                await self._item(Item(str(path), partial(_whole, path)))
        except (OSError, EOFError, zlib.error) as error:
            self.refused.append(Refusal(str(path), f"cannot be read: {error}"))
        self._progress.file_done(path)

    async def _item(self, item: Item) -> None:
        try:
            text = item.read()
            tree = exact.decode(text)
        except FhirError as error:
            self.refused.append(Refusal(item.label, _why(error)))
            return
        if tree.get("resourceType") != "Bundle":
            self._buffer.append(_Resource(item.label, tree, text))
        elif tree.get("type") in ("batch", "transaction"):
            await self._start(self._bundle(item, tree, text))
        elif not isinstance(entries := tree.get("entry", []), list):
            self.refused.append(Refusal(item.label, "400 Bundle.entry is not a list."))
        else:
            conditional = may_be_conditional(text)
            for index, entry in enumerate(entries):
                resource = entry.get("resource") if isinstance(entry, dict) else None
                tree = resource if isinstance(resource, dict) else {}
                own = exact.encode(tree) if conditional else b""  # the Bundle's text is not looked through for each
                self._buffer.append(_Resource(f"{item.label} entry[{index}]", tree, own))
        while len(self._buffer) >= _TOGETHER:
            together, self._buffer = self._buffer[:_TOGETHER], self._buffer[_TOGETHER:]
            await self._start_put(together)

    async def _start_put(self, together: Sequence[_Resource]) -> None:
        written = frozenset(f"{one.tree.get('resourceType')}/{one.tree.get('id')}" for one in together)
        await self._start(self._put(together), written)

    async def _start(self, work: Coroutine[Any, Any, None], written: frozenset[str] = frozenset()) -> None:
        """Starts a call when it is its turn: after those that write one of the same resources, so that the last wins."""
        while len(self._tasks) >= _AT_ONCE or any(not written.isdisjoint(others) for others in self._tasks.values()):
            await self._finish(asyncio.FIRST_COMPLETED)
        self._tasks[asyncio.create_task(work)] = written

    async def _finish(self, when: str) -> None:
        done, _ = await asyncio.wait(self._tasks, return_when=when)
        for task in done:
            del self._tasks[task]
            task.result()

    async def _settle(self) -> None:
        if self._buffer:
            together, self._buffer = self._buffer, []
            await self._start_put(together)
        if self._tasks:
            await self._finish(asyncio.ALL_COMPLETED)

    async def _bundle(self, item: Item, tree: dict[str, Any], text: bytes) -> None:
        """A batch or transaction, as it says."""
        headers = {"prefer": "return=minimal"}
        while True:
            tenant = self._server.tenants.get(self._tenant)
            request = Request("POST", (), tenant, self._base, "", headers, text, tree)
            try:
                response = await process(self._server.session(tenant.tenant_id), request)
                break
            except StaleDefinitions:
                await self._server.tenants.reload()
                tree = exact.decode(text)  # the links of the first attempt were rewritten in place
            except PreconditionFailed as error:
                if not {issue.code for issue in error.issues} & {"not-found", "multiple-matches"}:
                    self.refused.append(Refusal(item.label, _why(error)))
                else:
                    self._waiting.append((item, _why(error)))
                return
            except Unavailable:
                raise
            except FhirError as error:
                self.refused.append(Refusal(item.label, _why(error)))
                return
        answers = [entry["response"] for entry in orjson.loads(response.body).get("entry", ())]
        failed = [(index, said) for index, said in enumerate(answers) if said["status"] >= "4"]
        for index, said in failed:
            why = "; ".join(issue["diagnostics"] for issue in said["outcome"]["issue"])
            self.refused.append(Refusal(f"{item.label} entry[{index}]", f"{said['status']} {why}"))
        self._progress.stored(len(answers) - len(failed))

    async def _put(self, resources: Sequence[_Resource]) -> None:
        """Resources that are stored under their own ids, in one call where that works."""
        while True:
            tenant = self._server.tenants.get(self._tenant)
            session = self._server.session(tenant.tenant_id)
            refused: list[Refusal] = []
            plans: list[tuple[str, Plan]] = []
            book = tenant.book()
            for one in resources:
                try:
                    plans.append((one.label, await self._plan(session, tenant, one, book)))
                except Unavailable:
                    raise
                except FhirError as error:
                    refused.append(Refusal(one.label, _why(error)))
            try:
                results = await apply_each(session, tenant, [plan for _, plan in plans])
                break
            except StaleDefinitions:
                await self._server.tenants.reload()
        for (label, _), result in zip(plans, results, strict=True):
            if isinstance(result, FhirError):
                refused.append(Refusal(label, _why(result)))
        self.refused += refused
        self._progress.stored(len(resources) - len(refused))

    async def _plan(self, session: Session, tenant: Tenant, one: _Resource, book: Book) -> Plan:
        resource_type, logical_id = one.tree.get("resourceType"), one.tree.get("id")
        if not isinstance(resource_type, str) or not isinstance(logical_id, str):
            raise Invalid("A resource needs a resourceType and an id to be stored under.", code="required")
        path = (resource_type, logical_id)
        find("PUT", path, tenant.definitions)
        request = Request("PUT", path, tenant, self._base, body=one.text, resource=one.tree)
        # What is loaded replaces what is there; where clients may not choose ids, only what is there is loaded.
        current = None if tenant.settings["update_create"] else await tenant.store.read(session, *path)
        return await planned(session, write_of(request, "update"), (), current, book)


def _whole(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def _lines(path: Path, progress: _Progress) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1."""
    with path.open("rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        for number, line in enumerate(stream, 1):
            progress.file_read(raw.tell())
            if not line.isspace():
                yield number, line


class _Progress:
    """A bar that moves with the bytes read, and resources per second; drawn on a terminal only."""

    def __init__(self, size: int, out: TextIO) -> None:
        self._size = max(size, 1)
        self._out = out
        self._shown = out.isatty()
        self._files_done = 0  # bytes of the files that are done
        self._began = self._drawn = time.monotonic()
        self._stored = 0

    def stored(self, resources: int) -> None:
        self._stored += resources
        self._draw(0)

    def file_read(self, size: int) -> None:
        self._draw(size)

    def file_done(self, path: Path) -> None:
        self._files_done += path.stat().st_size if path.exists() else 0
        self._draw(0)

    def _draw(self, of_file: int) -> None:
        now = time.monotonic()
        if self._shown and now - self._drawn > 0.1:
            self._drawn = now
            part = min((self._files_done + of_file) / self._size, 1)
            bar = "#" * int(part * 30)
            print(f"\r[{bar:30}] {part:4.0%} {self._said()}", end="", file=self._out, flush=True)

    def _said(self) -> str:
        seconds = time.monotonic() - self._began
        return f"{self._stored:,} resources in {seconds:.1f} s ({self._stored / max(seconds, 0.001):,.0f}/s)"

    def done(self, refused: int, passed_over: int) -> None:
        clear = "\r\x1b[K" if self._shown else ""
        print(f"{clear}{self._said()}; {refused} refused, {passed_over} files passed over", file=self._out)
