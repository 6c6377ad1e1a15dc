"""A pytest plugin for ``make soak``: property tests run with many more, and ever new, examples.

``pytest -p scripts.more_examples``. In ``make test`` the examples are few and always the same, so
that what fails there fails for everybody.
"""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings

TIMES = 30
TIMEOUT = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Raise the number of examples of each property test."""
    for item in items:
        function = getattr(item, "obj", None)
        if not is_hypothesis_test(function):
            continue
        held = function._hypothesis_internal_use_settings  # there is no other way
        if held.max_examples < TIMES * settings.default.max_examples:
            function._hypothesis_internal_use_settings = settings(
                held, max_examples=held.max_examples * TIMES, derandomize=False, deadline=None
            )
        item.add_marker(pytest.mark.timeout(TIMEOUT))
