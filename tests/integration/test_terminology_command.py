"""The terminology command: official files loaded, listed and dropped; licences; interruptions."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from fhir_server import cli, settings, terminology_command
from fhir_server.commands import Failed
from resources.database import Owner
from resources.outcome import NotFound
from terminology.loaders import Archive, BadFile, Loader, Options
from terminology.loaders.release import Part, Release
from terminology.records import About, Concept, Record
from terminology.releases import loading, store
from terminology.releases.loading import Loading, Origin
from terminology.releases.store import SHARED

from ..conftest import FreshTenant, Urls
from ..serving import run, serve

LICENCE = "A licence of our own, https://example.org/licence."


@pytest.fixture
async def url(owner: Owner) -> AsyncIterator[str]:
    """A URL of which nothing that is shared is left after the test."""
    url = f"http://example.org/{token_hex(6)}"
    yield url
    for one in await store.releases(owner, SHARED):
        if one.url.startswith(url):
            await loading.drop(owner, one)


async def command(owner: Owner, *arguments: str, code: int = 0) -> str:
    """What `fhir-server terminology …` prints."""
    given = cli.parser().parse_args(["terminology", *arguments])
    out = io.StringIO()
    work = terminology_command.prepared(given, settings.read(vars(given), {}), out)
    assert await work(owner) == code
    return out.getvalue()


def code_system(url: str, version: str = "1", count: int = 3, **content: Any) -> dict[str, Any]:
    concepts = [{"code": f"c{n}", "display": f"colour {n}"} for n in range(count)]
    return {
        "resourceType": "CodeSystem",
        "url": url,
        "version": version,
        "status": "active",
        "content": "complete",
        "concept": concepts,
        **content,
    }


def written(folder: Path, *trees: dict[str, Any]) -> str:
    folder.mkdir(exist_ok=True)
    for number, tree in enumerate(trees):
        (folder / f"{number}.json").write_text(json.dumps(tree))
    return str(folder)


@pytest.fixture
def licensed(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """The name of a loader whose files are under a licence: a code a line, "!" is none."""

    def read(archive: Archive, options: Options) -> Iterator[Release]:
        def records() -> Iterator[Record]:
            for number, line in enumerate(archive.open(archive.names[0]), 1):
                if line.startswith(b"!"):
                    raise BadFile(archive.names[0], number, 1, "'!' is no code")
                yield Concept(line.decode().strip())

        about = About(url, options.version or "1", copyright="Ours.")
        yield Release("code-system", about, (Part("codes", records),))

    loader = Loader("licensed", (url,), lambda archive: True, read, LICENCE)
    monkeypatch.setattr(terminology_command, "find_loader", lambda system: loader)
    return loader.name


async def test_load_list_default_and_drop(owner: Owner, tmp_path: Path, url: str) -> None:
    """What is said of it, in the order in which somebody would do it."""
    said = await command(
        owner, "load", "fhir", written(tmp_path / "a", code_system(url, "1.0"), code_system(url, "2.0"))
    )
    assert f"code-system {url}|1.0 loaded: 3 concepts" in said
    assert "2 of 2 releases in " in said
    said = await command(owner, "load", "auto", str(tmp_path / "a"))
    assert said.count("is loaded already, with the same content") == 2
    mine = [line for line in (await command(owner, "list")).splitlines() if url in line]
    assert [line.split(" active")[0] for line in mine] == [
        f"shared code-system {url}|2.0",
        f"shared code-system {url}|1.0",
    ]
    assert ["(default)" in line for line in mine] == [True, False]
    assert await command(owner, "default", f"{url}|1.0") == f"{url}|1.0 is the default.\n"
    mine = [line for line in (await command(owner, "list")).splitlines() if url in line]
    assert [("chosen" in line, f"{url}|1.0" in line) for line in mine] == [(True, True), (False, False)]
    assert await command(owner, "default", url) == f"The newest version of {url} is the default.\n"
    with pytest.raises(Failed, match="say which version"):
        await command(owner, "drop", url)
    with pytest.raises(Failed, match=r"3\.0 is not loaded\. There are "):
        await command(owner, "drop", f"{url}|3.0")
    assert await command(owner, "drop", f"{url}|1.0") == f"code-system {url}|1.0 is dropped.\n"
    await command(owner, "drop", url)
    assert url not in await command(owner, "list")


async def test_another_content_is_refused_and_exits_1(owner: Owner, tmp_path: Path, url: str) -> None:
    await command(owner, "load", "fhir", written(tmp_path / "a", code_system(url)))
    said = await command(owner, "load", "fhir", written(tmp_path / "b", code_system(url, count=4)), code=1)
    assert f"{url}|1 refused: it is loaded with another content: 3 concepts" in said
    said = await command(owner, "load", "fhir", str(tmp_path / "b"), "--replace")
    assert f"{url}|1 loaded in place of what was there: 4 concepts" in said


async def test_a_tenants_release_is_listed_as_its_own(
    owner: Owner, tmp_path: Path, tenant: FreshTenant, url: str
) -> None:
    path = written(tmp_path / "a", code_system(url))
    await command(owner, "load", "fhir", path, "--tenant", tenant.name)
    assert (await command(owner, "list", "--tenant", tenant.name)).startswith(
        f"{tenant.name} code-system {url}|1 active"
    )
    with pytest.raises(Failed, match="is not loaded"):
        await command(owner, "drop", url)
    with pytest.raises(NotFound, match="there is no tenant absent"):
        await command(owner, "load", "fhir", path, "--tenant", "absent")
    await command(owner, "drop", url, "--tenant", tenant.name)


async def test_a_licence_is_acknowledged_kept_and_shown(owner: Owner, tmp_path: Path, licensed: str, url: str) -> None:
    """TX-130."""
    (tmp_path / "codes.txt").write_text("a\nb\n")
    with pytest.raises(Failed, match=r"licensed is under a licence: .* Give --accept-licence"):
        await command(owner, "load", licensed, str(tmp_path))
    assert url not in await command(owner, "list")
    await command(owner, "load", licensed, str(tmp_path), "--accept-licence", "--version", "7")
    [line] = [line for line in (await command(owner, "list")).splitlines() if url in line]
    [release] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    assert release.acknowledged
    assert (release.version, release.licence, release.files) == ("7", LICENCE, (tmp_path.name,))
    assert f"{LICENCE} Acknowledged by {release.acknowledged_by} {release.acknowledged:%Y-%m-%d}" in line
    about, _ = await store.described(owner, release)
    assert about.copyright.startswith(f"Ours.\n\n{LICENCE} Acknowledged ")


async def test_a_bad_file_is_told_with_its_place_and_leaves_nothing_visible(
    owner: Owner, tmp_path: Path, licensed: str, url: str
) -> None:
    (tmp_path / "codes.txt").write_text("a\n!\n")
    with pytest.raises(Failed, match=r"^codes\.txt, line 2, column 1: '!' is no code$"):
        await command(owner, "load", licensed, str(tmp_path), "--accept-licence")
    assert url not in await command(owner, "list")


@pytest.mark.parametrize(
    ("system", "path", "message"),
    [
        ("fhir", "absent", "there is no such file"),
        ("latin", ".", "no loader for latin"),
        ("auto", "empty", "Name the system"),
    ],
)
async def test_what_cannot_be_read_is_said_before_a_database_is_asked(
    tmp_path: Path, system: str, path: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = cli.parser().parse_args(["terminology", "load", system, str(tmp_path / path)])
    with pytest.raises(Failed, match=message):
        terminology_command.prepared(given, settings.read({}, {}), io.StringIO())


async def test_an_index_of_another_format_is_built_anew(owner: Owner, tmp_path: Path, url: str) -> None:
    """Of the records that are kept; the official files are not needed."""
    await command(owner, "load", "fhir", written(tmp_path / "a", code_system(url)))
    [old] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    async with store.acting(owner, SHARED):
        await store.filed(owner, old, 999, b"x", 1)
    assert f"{url}|1 active (default) 3 concepts, 0.0 MB (of another format" in await command(owner, "list")
    assert await command(owner, "rebuild", f"{url}|1") == f"code-system {url}|1 has a new index.\n"
    [new] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    assert new == old


KILLED = """
import asyncio, sys, time
from resources.database import Owner
from terminology.loaders.release import Part, Release
from terminology.records import About, Concept
from terminology.releases.loading import Loading, Origin

def part(name, wait):
    def records():
        for n in range(3000):
            yield Concept(f"{name}{n}", name)
        print(name, flush=True)
        time.sleep(wait)
    return Part(name, records)

async def main(database, url):
    release = Release("code-system", About(url, "1"), (part("a", 0), part("b", 0), part("c", 60)))
    async with Owner.connect(database) as owner:
        await Loading(owner, 0, Origin("killed", b"1", ())).all([release])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_was_killed_goes_on_where_it_was(owner: Owner, urls: Urls, url: str) -> None:
    """The part that was under way is read anew, those before it are not; nothing is there twice."""
    command = (sys.executable, "-c", KILLED, urls.owner, url)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    while (line := await process.stdout.readline()) != b"c\n":
        assert line
    process.kill()
    await process.wait()
    [left] = [one for one in await store.releases(owner, SHARED) if one.url == url]
    assert (left.state, left.content) == ("loading", None)
    begun = []

    def part(name: str) -> Part:
        def records() -> Iterator[Record]:
            begun.append(name)
            yield from (Concept(f"{name}{n}", name) for n in range(3000))

        return Part(name, records)

    release = Release("code-system", About(url, "1"), tuple(map(part, "abc")))
    # The killed one's connection still has the lock for the moment that the database takes to notice.
    [outcome] = await Loading(owner, SHARED, Origin("killed", b"1", ())).all([release])
    assert begun == ["c"]
    assert (outcome.done, outcome.release.concepts, outcome.release.release_id) == ("loaded", 9000, left.release_id)


async def test_a_second_command_for_the_same_files_is_turned_down(
    owner: Owner, urls: Urls, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_WAIT", 1)
    release = Release("code-system", About(url, "1"), (Part("a", lambda: iter([Concept("a")])),))
    async with Owner.connect(urls.owner) as other:
        assert await store.lock(other, SHARED, "twice")
        with pytest.raises(loading.Refused, match="Another command is loading or dropping a release of twice"):
            await Loading(owner, SHARED, Origin("twice", b"1", ())).all([release])
    await Loading(owner, SHARED, Origin("twice", b"1", ())).all([release])


def test_beside_a_server_that_runs_and_without_one(tmp_path: Path) -> None:
    """The command attaches to the embedded database, or runs it for its own time."""
    data, files = tmp_path / "data", written(tmp_path / "a", code_system("http://example.org/colours"))
    place = ("--data-dir", str(data))
    with serve(data):
        done = run("terminology", "load", "fhir", files, *place)
        assert (done.returncode, done.stderr) == (0, "")
        assert "code-system http://example.org/colours|1 loaded: 3 concepts" in done.stdout
        worse = run(
            "terminology",
            "load",
            "fhir",
            written(tmp_path / "a", code_system("http://example.org/colours", count=4)),
            *place,
        )
        assert worse.returncode == 1
        assert "refused" in worse.stdout
    assert "http://example.org/colours|1 active (default) 3 concepts" in run("terminology", "list", *place).stdout
    versions = (
        "terminology_versions=http://example.org/colours=1,http://snomed.info/sct=http://snomed.info/sct/9/version/2"
    )
    assert run("tenant", "set", "default", versions, *place).returncode == 0
    assert run("tenant", "set", "default", "terminology_versions=colours", *place).returncode == 2
    missing = run("terminology", "drop", "http://example.org/shades", *place)
    assert (missing.returncode, missing.stderr) == (1, "fhir-server: http://example.org/shades is not loaded.\n")
