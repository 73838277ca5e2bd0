"""Says in one sentence, with the next command, why a file cannot be read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gates.errors import SluiceError


@contextmanager
def plain_read_errors(path: str) -> Iterator[None]:
    """Turns what reading can raise into one sentence that names the file."""
    try:
        yield
    except EOFError as error:
        raise SluiceError(
            f"{path} is cut short: its gzip stream ends before its end marker.", f"Check it:  gzip -t {path}"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SluiceError(f"{path} is a damaged gzip file ({error}).", f"Check it:  gzip -t {path}") from error
    except FileNotFoundError as error:
        raise SluiceError(f"{path} does not exist.", f"Look:  ls -l {Path(path).parent}") from error
    except PermissionError as error:
        raise SluiceError(f"{path} may not be read by this user.", f"Look:  ls -l {path}") from error
