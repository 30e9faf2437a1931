"""The terminology command: releases loaded from official files, listed, dropped, and the version that counts chosen.

`prepared` does what needs no database, so that what is asked in the wrong way starts none.
"""

from __future__ import annotations

import argparse
import getpass
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, TextIO

from resources.database import Owner
from terminology.loaders import Archive, BadFile, Loader, Options, Report, auto, find_loader, options_in
from terminology.releases import loading, store
from terminology.releases.catalogue import best_first
from terminology.releases.chunks import source_digest
from terminology.releases.files import FORMAT
from terminology.releases.loading import Loading, Origin, Outcome, Refused
from terminology.releases.store import SHARED, Release
from terminology.scope import split

from . import store as registry
from .commands import Failed
from .settings import Settings

Work = Callable[[Owner], Awaitable[int]]

_LINES: Final = 50  # of a report that say the same of one release or file after the other


def prepared(given: argparse.Namespace, settings: Settings, out: TextIO) -> Work:
    """What the command does once it has a connection of the owner. Raises Failed."""
    return _VERBS[given.verb](given, settings, out)


def _load(given: argparse.Namespace, settings: Settings, out: TextIO) -> Work:
    try:
        archive = Archive(given.path)
        try:
            loader = auto(archive) if given.system == "auto" else find_loader(given.system)
        except LookupError as error:
            raise Failed(error.args[0]) from None
        if loader.licence and not settings.accept_licence:
            raise Failed(
                f"{loader.name} is under a licence: {loader.licence} Give --accept-licence if you have it and keep to it."
            )
        options = _options(given)
        print(f"reading {archive.path} as {loader.name}", file=out)
        digest = source_digest(given.path, loader.name, repr(options))
    except BadFile as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"{given.path} cannot be read: {error.strerror}.") from None
    origin = Origin(
        loader=loader.name,
        digest=digest,
        files=(given.path.name,),
        licence=loader.licence,
        acknowledged_by=_user() if loader.licence else "",
        acknowledged=datetime.now(UTC) if loader.licence else None,
    )
    return partial(_loaded, given, loader, archive, options, origin, out)


def _options(given: argparse.Namespace) -> Options:
    said = Options() if given.system == "auto" else options_in(given.system)
    return Options(
        version=given.version or said.version,
        edition=given.edition or said.edition,
        modules=tuple(given.module),
        sources=tuple(given.source),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of the system without a name
        return f"uid {os.getuid()}"


async def _loaded(
    given: argparse.Namespace,
    loader: Loader,
    archive: Archive,
    options: Options,
    origin: Origin,
    out: TextIO,
    owner: Owner,
) -> int:
    tenant_id = await _tenant_id(owner, given.tenant)
    bar = Bar(out)
    run = Loading(owner, tenant_id, origin, replace=given.replace, progress=bar)
    with archive:
        try:
            outcomes = await run.all(loader.read(archive, options))
        except (BadFile, Refused) as error:
            raise Failed(str(error)) from None
        finally:
            bar.clear()
    if not outcomes:
        raise Failed(f"nothing of {loader.name} was found in {given.path}.")
    _some(map(_outcome_line, outcomes), out)
    for report in {id(one.report): one.report for one in outcomes}.values():
        _report(report, out)
    refused = sum(one.done == "refused" for one in outcomes)
    print(f"{len(outcomes) - refused} of {len(outcomes)} releases in {bar.seconds:.1f} s", file=out)
    if refused:
        print("Nothing was changed. Give --replace if what is loaded is to be replaced.", file=out)
    return 1 if refused else 0


def _report(report: Report, out: TextIO) -> None:
    for label, names in (
        ("missing", report.missing),
        ("ignored", report.ignored),
        ("renamed", report.renamed),
        ("note", report.notes),
    ):
        _some([f"{label}: {name}" for name in names], out)
    if report.counts:
        print("read: " + ", ".join(f"{number:,} {what}" for what, number in report.counts.items()), file=out)


def _some(lines: Iterable[str], out: TextIO) -> None:
    lines = list(lines)
    for line in lines[:_LINES]:
        print(line, file=out)
    if len(lines) > _LINES:
        print(f"… and {len(lines) - _LINES} more", file=out)


_SAID: Final = {
    "loaded": "loaded",
    "replaced": "loaded in place of what was there",
    "unchanged": "is loaded already, with the same content",
    "refused": "refused: it is loaded with another content",
}


def _outcome_line(outcome: Outcome) -> str:
    return f"{outcome.release.kind} {outcome.release.canonical} {_SAID[outcome.done]}: {_amount(outcome.release)}"


def _amount(release: Release) -> str:
    what = {"concept-map": "rows", "value-set": ""}.get(release.kind, "concepts")
    size = f"{release.size / 1e6:.1f} MB" if release.size else ""
    return ", ".join(filter(None, (f"{release.concepts:,} {what}" if what else "", size))) or "a resource"


def _list(given: argparse.Namespace, _: Settings, out: TextIO) -> Work:
    async def work(owner: Owner) -> int:
        names = {SHARED: "shared"}
        names |= {
            one.tenant_id: one.name for one in await registry.tenants_seen_by_owner(owner) if one.state == "active"
        }
        wanted = list(names) if given.tenant is None else [await _tenant_id(owner, given.tenant)]
        for tenant_id in wanted:
            known = best_first(await store.releases(owner, tenant_id))
            first: dict[tuple[str, str], Release] = {}
            for one in known:
                if one.state == "active":
                    first.setdefault((one.kind, one.url), one)
            for one in known:
                print(" ".join([names[tenant_id], *_words(one, first.get((one.kind, one.url)) is one)]), file=out)
        return 0

    return work


def _words(release: Release, is_first: bool) -> list[str]:
    words = [release.kind, release.canonical, release.state]
    if is_first:
        words.append("(chosen as default)" if release.is_default else "(default)")
    words.append(_amount(release))
    if release.kind != "value-set" and release.format not in (0, FORMAT):
        words.append("(of another format: `fhir-server terminology rebuild`)")
    if release.licence and release.acknowledged:
        words.append(
            f"licence: {release.licence} Acknowledged by {release.acknowledged_by} {release.acknowledged:%Y-%m-%d}"
        )
    return words


def _drop(given: argparse.Namespace, _: Settings, out: TextIO) -> Work:
    async def work(owner: Owner) -> int:
        for release in await _named(owner, given):
            try:
                await loading.drop(owner, release)
            except Refused as error:
                raise Failed(str(error)) from None
            print(f"{release.kind} {release.canonical} is dropped.", file=out)
        return 0

    return work


def _default(given: argparse.Namespace, _: Settings, out: TextIO) -> Work:
    async def work(owner: Owner) -> int:
        url, version = split(given.release)
        tenant_id = await _tenant_id(owner, given.tenant)
        known = [one for one in await store.releases(owner, tenant_id) if one.url == url and one.state == "active"]
        chosen = [one for one in known if one.version == version]
        if not known or (version and not chosen):
            raise Failed(f"{given.release} is not loaded.{_there(known)}")
        for kind in sorted({one.kind for one in chosen or known}):
            of_kind = [one for one in chosen if one.kind == kind] if version else []
            await store.choose(owner, tenant_id, kind, url, of_kind[0] if of_kind else None)
        print(
            f"{given.release} is the default." if version else f"The newest version of {url} is the default.", file=out
        )
        return 0

    return work


def _rebuild(given: argparse.Namespace, settings: Settings, out: TextIO) -> Work:
    async def work(owner: Owner) -> int:
        tenants = [
            SHARED,
            *(one.tenant_id for one in await registry.tenants_seen_by_owner(owner) if one.state == "active"),
        ]
        if given.release:
            found = await _named(owner, given)
        else:
            found = [
                one
                for tenant in tenants
                for one in await store.releases(owner, tenant)
                if one.format not in (0, FORMAT)
            ]
        bar = Bar(out)
        for release in found:
            if release.state == "active" and release.format:
                try:
                    await loading.rebuild(owner, release, bar)
                except Refused as error:
                    raise Failed(str(error)) from None
                finally:
                    bar.clear()
                print(f"{release.kind} {release.canonical} has a new index.", file=out)
        return 0

    return work


async def _tenant_id(owner: Owner, name: str | None) -> int:
    return SHARED if name is None else await store.tenant_id_of(owner, name)


async def _named(owner: Owner, given: argparse.Namespace) -> list[Release]:
    """The releases that are meant by URL|VERSION, or by the URL alone if there is one version."""
    url, version = split(given.release)
    known = [one for one in await store.releases(owner, await _tenant_id(owner, given.tenant)) if one.url == url]
    found = [one for one in known if not version or one.version == version]
    if not found:
        raise Failed(f"{given.release} is not loaded.{_there(known)}")
    if len({one.version for one in found}) > 1:
        raise Failed(f"say which version of {url}.{_there(known)}")
    return found


def _there(known: Sequence[Release]) -> str:
    return f" There are {', '.join(sorted({one.canonical for one in known}))}." if known else ""


class Bar:
    """A bar that moves with what is done; drawn on a terminal only."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shown = out.isatty()
        self._began = self._drawn = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __call__(self, what: str, part: float, records: int) -> None:
        now = time.monotonic()
        if self._shown and now - self._drawn > 0.1:
            self._drawn = now
            bar = "#" * int(min(part, 1) * 30)
            said = f"{what[:60]}: {records:,} records, {self.seconds:.1f} s"
            print(f"\r[{bar:30}] {min(part, 1):4.0%} {said}\x1b[K", end="", file=self._out, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=self._out, flush=True)


_VERBS: Final[dict[str, Callable[[argparse.Namespace, Settings, TextIO], Work]]] = {
    "load": _load,
    "list": _list,
    "drop": _drop,
    "default": _default,
    "rebuild": _rebuild,
}
