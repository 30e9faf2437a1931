"""The two forms together: invalid resources are refused with every issue, valid ones accepted, all of R4's own but a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from resources import definitions
from resources.outcome import Invalid, Issue
from resources.validation import Validator

from .validation_cases import ACCEPTED, REFUSED, VALID, Refused, changed

VALIDATOR = Validator(definitions.load())
