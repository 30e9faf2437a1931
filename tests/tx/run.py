"""python -m tests.tx.run [SUITE [TEST]]: asks the operations without HTTP and prints what their answers lack."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

from resources.operation import Parameters, Value
from resources.outcome import FhirError, operation_outcome
from terminology.scope import Scope

from . import runner
from .runner import Case, Json
from .worlds import scope_of

Function = Callable[[Scope, Parameters, str], Json]


def _functions() -> dict[str, Function]:
    from terminology.operations.batch_validate import batch_validate
    from terminology.operations.expand import expand
    from terminology.operations.lookup import lookup
    from terminology.operations.translate import translate
    from terminology.operations.validate_code import validate_code_system_code, validate_value_set_code

    found: dict[str, Function] = {
        "expand": expand,
        "validate-code": validate_value_set_code,
        "cs-validate-code": validate_code_system_code,
        "lookup": lookup,
        "translate": translate,
        "batch-validate": batch_validate,
    }
    try:
        from terminology.operations.related import related

        found["compare"] = related
    except ImportError:
        pass
    return found


def parameters_of(tree: Json) -> tuple[Parameters, list[Json]]:
    """Parameters as an operation gets them, and the resources that were sent along."""
    values: list[Value] = []
    sent: list[Json] = []
    for one in tree.get("parameter", ()):
        name = one["name"]
        if name == "tx-resource":
            sent.append(one["resource"])
        elif name == "validation":
            inner, more = parameters_of(one["resource"])
            sent += more
            values.append(Value(name, part=inner))
        elif "part" in one:
            inner, more = parameters_of({"parameter": one["part"]})
            values.append(Value(name, part=inner))
        elif name != "uuid":
            value: Any = next((value for key, value in one.items() if key.startswith("value")), one.get("resource"))
            values.append(Value(name, value))
    return Parameters(tuple(values)), sent


def ask(case: Case) -> tuple[int, Json]:
    """The answer to a test, without HTTP."""
    functions = _functions()
    if case.operation not in functions:
        return 200, {"not": f"asked without HTTP: {case.operation}"}
    parameters, sent = parameters_of(runner.asked(case))
    scope = scope_of(sent)
    try:
        return 200, functions[case.operation](scope, parameters, case.headers.get("accept-language", ""))
    except FhirError as error:
        return error.status, operation_outcome(error.issues)
    except Exception:
        return 500, {"raised": traceback.format_exc()}


def main(suite: str = "", test: str = "") -> None:
    passed = total = 0
    for case, faults in runner.judged(ask, lambda one: (not suite or one.suite == suite) and test in ("", one.name)):
        total += 1
        passed += not faults
        if faults:
            print(f"{case.suite}/{case.name} [{case.operation}] {case.request} → {' | '.join(case.responses)}")
            for one in faults[:12]:
                print(f"    {one}")
            if test:
                print(ask(case)[1])
    print(f"{passed} of {total}")


if __name__ == "__main__":
    main(*sys.argv[1:])
