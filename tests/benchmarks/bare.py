"""The bare side: asyncpg on one connection, the server's own statements, arguments made beforehand."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg

from resources import definitions
from resources.database import Database, framed
from resources.hashing import Hash
from resources.store import QUERIES, Change, Store, body_parts
from search.indexer import FLOOR, Indexer

SETTINGS = {"search_path": "fhir", "plan_cache_mode": "force_generic_plan", "jit": "off"}


class Bare:
    """What the server does for a request in the database, and nothing else."""

    def __init__(self, connection: Any, hash_: Hash, tenant_id: int) -> None:
        self._connection = connection
        self._hash = hash_
        self._tenant_id = tenant_id
        self._types = definitions.load()
        self._indexer = Indexer(self._types, hash_)
        self._store = Store(hash_, self._types, (FLOOR,))
        self._read = framed(QUERIES["read"])

    @classmethod
    async def connect(cls, url: str, tenant_id: int) -> Bare:
        database = await Database.open(url)
        hash_ = Hash(database.hash_key)
        await database.close()
        connection = await asyncpg.connect(url, server_settings=SETTINGS, max_cacheable_statement_size=0)
        return cls(connection, hash_, tenant_id)

    def write_arguments(self, resources: list[dict[str, Any]]) -> list[Any]:
        """All that one write statement takes, for creating these resources."""
        changes = []
        for tree in resources:
            logical_id = str(uuid.uuid4())
            indexed = self._indexer.index(tree["resourceType"], logical_id, tree, "http://127.0.0.1/fhir/default")
            head, tail = body_parts(tree, logical_id)
            rows = (indexed.sort_key, indexed.keys, indexed.rows)
            changes.append(Change("create", tree["resourceType"], logical_id, head, tail, *rows))
        return [self._tenant_id, 1, *self._store.arguments(changes)]

    async def write(self, arguments: list[Any]) -> None:
        await self._connection.fetch(self._store.statement, *arguments)

    def read_arguments(self, resource_type: str, logical_id: str) -> list[Any]:
        key = self._hash.of(resource_type, logical_id)
        return [str(self._tenant_id), key, self._types.type_number(resource_type), logical_id]

    async def read(self, arguments: list[Any]) -> None:
        rows = await self._connection.fetch(self._read, *arguments)
        assert rows

    async def close(self) -> None:
        await self._connection.close()
