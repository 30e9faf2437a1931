"""The packages with a schema of their own, lowest first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import resources
import search
import terminology

FLOORS: Final = tuple(Path(package.__path__[0]) for package in (resources, terminology, search))
