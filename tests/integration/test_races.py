"""Work as one transaction: repeated as a whole when it loses a race, and given up after some."""

from __future__ import annotations

import pytest

from fhir_server.races import Settled, whole
from resources.database import Refused, Session
from resources.outcome import BadRequest, Conflict

from ..conftest import FreshTenant

LOST = [Conflict("others"), Refused("40001", ""), Refused("40P01", "")]


async def test_tr_11_a_lost_race_is_run_again_and_leaves_nothing(tenant: FreshTenant) -> None:
    lost = list(LOST)
    numbers: set[int] = set()

    async def work(session: Session) -> str:
        assert session.in_transaction
        [row] = await session.select("select pg_current_xact_id()::text::int8 as number")
        numbers.add(row["number"])
        if lost:
            raise lost.pop()
        return "done"

    assert await whole(tenant.session, work) == "done"
    assert len(numbers) == len(LOST) + 1, "each attempt is a transaction of its own"


@pytest.mark.parametrize("error", LOST)
async def test_st_5_races_without_end_are_a_conflict(tenant: FreshTenant, error: Exception) -> None:
    async def work(session: Session) -> None:
        raise error

    with pytest.raises(Conflict):
        await whole(tenant.session, work)


@pytest.mark.parametrize("error", [BadRequest("no"), Settled("there"), Refused("FH001", "")])
async def test_what_is_no_race_is_raised_at_once(tenant: FreshTenant, error: Exception) -> None:
    tries = 0

    async def work(session: Session) -> None:
        nonlocal tries
        tries += 1
        raise error

    with pytest.raises(type(error)):
        await whole(tenant.session, work)
    assert tries == 1
