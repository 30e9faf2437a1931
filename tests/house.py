"""The rules of the house, each a function from a module's path and syntax tree to the faults found in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("resources", "terminology", "search", "conformance", "fhir_server")  # lowest first
HOMES = {  # a library and the only modules that may import it
    "asyncpg": {"resources/database.py"},
    "fastapi": {"fhir_server/edge.py"},
    "starlette": {"fhir_server/edge.py"},
    "uvicorn": {"fhir_server/cli.py"},
    "fhir": {"resources/models.py"},
    "contextvars": set(),
}
SQL_HOMES = {  # besides search/parameters/, store.py of each package and the .sql files
    "fhir_server/kept.py",
    "resources/database.py",
    "resources/locks.py",
    "resources/reads.py",
    "resources/versions.py",
    *(
        f"search/{name}.py"
        for name in (
            "candidates", "compiler", "everything", "explanation", "labels", "lastn", "levels", "library", "orders", "pending",
            "probes", "resolving", "run", "sorting",
        )
    ),
}  # fmt: skip
SQL = re.compile(
    r"\bselect\b[\s\S]+\bfrom\b|\binsert\s+into\b|\bupdate\s+[\w.]+\s+set\b|\bdelete\s+from\b"
    r"|\b(create|alter|drop)\s+(table|index|role|function|policy|schema|database)\b|\bset_config\b",
    re.IGNORECASE,
)
VAGUE = re.compile(
    r"(^|_)(utils?|helpers?|common|base|managers?|services?|handlers?|impl)$|(Utils?|Helper|Base|Manager|Service|Handler|Impl)$"
)
SPECIAL_TYPES = {"Bundle", "Binary", "Parameters"}


def modules() -> list[Path]:
    return sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def test_modules() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(module: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Absolute names of all that a module imports; relative imports resolved against its package."""
    package = module.removesuffix("/__init__.py").removesuffix(".py").split("/")
    if not module.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            yield node.lineno, ".".join([*above, *([node.module] if node.module else [])])


def imports_upward(module: str, tree: ast.AST) -> Iterator[str]:
    floor = FLOORS.index(module.split("/")[0])
    for line, name in imports(module, tree):
        top = name.split(".")[0]
        if top in FLOORS and FLOORS.index(top) > floor:
            yield f"{module}:{line} imports {name}, a floor above"
        if top == "tests":
            yield f"{module}:{line} imports the tests"


def imports_outside_its_home(module: str, tree: ast.AST) -> Iterator[str]:
    for line, name in imports(module, tree):
        top = name.split(".")[0]
        if top in HOMES and module not in HOMES[top]:
            yield f"{module}:{line} imports {top}, whose only home is {sorted(HOMES[top]) or 'nowhere'}"


def docstrings(tree: ast.AST) -> set[int]:
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            found |= {
                id(statement.value)
                for statement in body
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            }
    return found


def speaks_sql(module: str, tree: ast.AST) -> Iterator[str]:
    if module in SQL_HOMES or module.startswith("search/parameters/") or module.endswith("/store.py"):
        return
    prose = docstrings(tree)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in prose else None
        if isinstance(text, str) and SQL.search(text):
            yield f"{module}:{node.lineno} speaks SQL"


def session_not_first(module: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            named = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
            if "session" in named[1:]:
                yield f"{module}:{node.lineno} {node.name} takes session, but not first"


def tenant_in_a_global(module: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{module}:{node.lineno} changes a global"
        if isinstance(node, ast.Constant) and node.value == "app.tenant":
            yield f"{module}:{node.lineno} names the tenant's setting outside a statement"


def names_a_type_in_a_condition(module: str, tree: ast.AST, types: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        tests: list[ast.AST] = []
        if isinstance(node, (ast.If, ast.IfExp, ast.While)):
            tests = [node.test]
        elif isinstance(node, ast.match_case):
            tests = [node.pattern]
        for test in tests:
            for part in ast.walk(test):
                if isinstance(part, ast.Constant) and part.value in types - SPECIAL_TYPES:
                    yield f"{module}:{part.lineno} decides by the name of {part.value}"


def is_too_long(module: str, lines: int) -> Iterator[str]:
    if lines > 400:
        yield f"{module} has {lines} lines; 400 is the most"


def has_a_vague_name(module: str, tree: ast.AST) -> Iterator[str]:
    if VAGUE.search(Path(module).stem):
        yield f"{module} has a name that says nothing"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and VAGUE.search(node.name):
            yield f"{module}:{node.lineno} {node.name} has a name that says nothing"


def touches_floats(module: str, tree: ast.AST) -> Iterator[str]:
    """json and orjson read numbers into floats: nobody below the edge may read a resource with them."""
    for node in ast.walk(tree):
        reads = isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load")
        if reads and not any(keyword.arg == "parse_float" for keyword in node.keywords):
            yield f"{module}:{node.lineno} reads JSON into floats"
