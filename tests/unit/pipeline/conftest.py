"""What tests of the configuration and of ingest share."""

import pytest

from tests.samples.configurations import TAXI


@pytest.fixture
def taxi_with(tmp_path):
    """Writes the taxi configuration with one piece of text replaced, and gives its path."""

    def write(old: str, new: str) -> str:
        assert TAXI.count(old) >= 1, old
        file = tmp_path / "mine.yaml"
        file.write_text(TAXI.replace(old, new, 1))
        return str(file)

    return write
