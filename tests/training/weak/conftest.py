"""What the tests of weak supervision share."""

from pathlib import Path

import pytest

from weak_sets import one_square


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    return one_square(tmp_path / "squares")
