"""$closure: a client's table of what subsumes what, kept by name, a step for each call that adds to it.

https://hl7.org/fhir/R4/conceptmap-operation-closure.html, https://hl7.org/fhir/R4/terminology-service.html#closure
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resources import exact
from resources.database import Session
from resources.operation import Parameters
from resources.outcome import BadRequest, Conflict, Invalid, NotFound
from terminology import store
from terminology.operations.closure import Closed, close
from terminology.store import Step

from ..exchange import Request, Response
from .terminology import answered

_LONGEST = 200  # characters of a name
_ATTEMPTS = 5  # to add a step while others add theirs
Codings = Sequence[dict[str, Any]]


async def closure(session: Session, request: Request, parameters: Parameters) -> Response:
    """200 with a ConceptMap: the rows that the concepts bring; of a `version` all that came after it.

    With the name alone, or `reset`, the table is begun anew; the first concepts begin it, too. Resources that are sent
    along count for later calls as well, for an hour at least. Raises NotFound (404) for a version that
    is not there, Conflict (409)."""
    name, concepts = parameters.one("name"), parameters.all("concept")
    if len(name) > _LONGEST:
        raise Invalid(f"The name of a closure table has at most {_LONGEST} characters.", expression=["name"])
    if parameters.has("version"):
        if concepts:
            raise BadRequest("Either concepts are added, or what followed a version is sent again.")
        return _response(await _since(session, request, parameters, name, parameters.one("version")))
    if not concepts or parameters.one("reset", False):
        await store.begin_anew(session, name)
        if not concepts:
            return _response(await _closed(session, request, parameters, name, (), (), 0))
    for _ in range(_ATTEMPTS):
        steps = await store.steps(session, name)
        known = [coding for step in steps for coding in step.added]
        number = steps[-1].step if steps else 0
        closed = await _closed(session, request, parameters, name, known, concepts, number + 1)
        if not closed.added:
            return _response(closed._replace(tree={**closed.tree, "version": str(number)}))
        step = Step(number + 1, [dict(one) for one in closed.added], closed.tree.get("group", []))
        if await store.add_step(session, name, step):
            return _response(closed)
    raise Conflict(f"The closure table {name[:100]} is added to by others at the moment.")


async def _since(session: Session, request: Request, parameters: Parameters, name: str, version: str) -> Closed:
    steps = await store.steps(session, name)
    if not steps:
        raise NotFound(f"There is no closure table {name[:100]}: it is begun by its name alone.")
    latest = steps[-1].step
    there = {str(step.step): step.step for step in steps}
    if version not in there:
        raise NotFound(f"The closure table {name[:100]} has no version {version[:100]}; the latest is {latest}.")
    before = [coding for step in steps if step.step <= there[version] for coding in step.added]
    after = [coding for step in steps if step.step > there[version] for coding in step.added]
    return await _closed(session, request, parameters, name, before, after, latest)


async def _closed(
    session: Session, request: Request, parameters: Parameters, name: str, known: Codings, new: Codings, version: int
) -> Closed:
    found: list[Closed] = []

    def run(scope: Any, _: Parameters, __: str) -> dict[str, Any]:
        found.append(close(scope, name, known, new, str(version)))
        return found[-1].tree

    await answered(session, request, parameters, run, kept=f"closure {name}")
    return found[-1]


def _response(closed: Closed) -> Response:
    return Response(200, exact.encode(closed.tree).decode())
