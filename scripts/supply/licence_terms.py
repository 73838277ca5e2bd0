"""What a package states about its licence, as one SPDX expression, and what that expression allows."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from enum import IntEnum

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression


class Terms(IntEnum):
    """What a licence asks of whoever uses the package in a product; the larger, the harder."""

    PERMISSIVE = 0  # asks for a notice
    FILE_COPYLEFT = 1  # asks that changes to its own files, or to its own library, are published
    UNKNOWN = 2
    FORBIDDEN = 3  # asks that the whole product is published (GPL, AGPL, SSPL), or forbids commercial use (BUSL)


# The variant is not stated ("BSD"); each of the variants is permissive.
BSD = "LicenseRef-BSD"
_PERMISSIVE = frozenset(
    [
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC"),
        *("MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", BSD),
    ]
)
_FILE_COPYLEFT = re.compile(r"MPL-|LGPL-|EPL-|CDDL-")
_FORBIDDEN = re.compile(r"A?GPL-|SSPL-|BUSL-|CC-BY(-\w+)*-NC|CC-BY-NC|Elastic-|PolyForm-|LicenseRef-Proprietary")

# The field `License` and the classifiers are free text: every form that occurs in a lock has its line.
# "Apache" without a version is 2.0: 1.0 and 1.1 were given up in 2004, before any of these packages began.
_SPELLINGS = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": BSD,
    "bsd license": BSD,
    "new bsd": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 3-clause license or apache license, version 2.0": "BSD-3-Clause OR Apache-2.0",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution": "MIT-0",
    "mit no attribution license (mit-0)": "MIT-0",
    "the mit license (mit)": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "other/proprietary license": "LicenseRef-Proprietary",
    "nvidia proprietary software": "LicenseRef-Proprietary",
}
# These say by whom a licence is approved, and not which it is.
_NO_LICENCE = {"osi approved", "dfsg approved"}


def expression_of(statements: Sequence[str], classifiers: Sequence[str]) -> str | None:
    """The licence as an SPDX expression, by the first statement that names one, else by the classifiers.

    None where none of them names a licence that is known here. Several classifiers count as all of them at once.
    """
    for text in statements:
        if found := _expression(text):
            return found
    names = [name for each in classifiers if (name := each.rpartition("::")[2].strip()).lower() not in _NO_LICENCE]
    found_names = [_expression(name) for name in names]
    if not found_names or None in found_names:
        return None
    return " AND ".join(sorted({str(name) for name in found_names}))


def _expression(text: str) -> str | None:
    words = " ".join(text.split())
    if spelling := _SPELLINGS.get(words.lower()):
        return spelling
    try:
        return canonicalize_license_expression(words)
    except InvalidLicenseExpression:
        return None


def terms_of(expression: str | None) -> Terms:
    """What an expression asks: of alternatives the mildest, of licences that hold together the hardest."""
    if expression is None:
        return Terms.UNKNOWN
    # Python reads `and`, `or` and brackets as SPDX does.
    operands = re.sub(r"[A-Za-z0-9.+-]+( WITH [A-Za-z0-9.-]+)?", _as_operand, expression)
    return _evaluate(ast.parse(operands, mode="eval").body)


def file_copyleft_in(expression: str | None) -> set[str]:
    """The licences of an expression that ask for something in return, where no alternative goes without."""
    if expression is None or terms_of(expression) is Terms.PERMISSIVE:
        return set()
    return {name for name in re.findall(r"[A-Za-z0-9.+-]+", expression) if _FILE_COPYLEFT.match(name)}


def _as_operand(match: re.Match[str]) -> str:
    word = match.group(0)
    return word.lower() if word in ("AND", "OR") else repr(word)


def _evaluate(node: ast.expr) -> Terms:
    if isinstance(node, ast.BoolOp):
        choose = min if isinstance(node.op, ast.Or) else max
        return choose(_evaluate(value) for value in node.values)
    if not isinstance(node, ast.Constant):
        raise ValueError(f"no licence expression: {ast.unparse(node)}")
    return _terms_of_one(str(node.value))


def _terms_of_one(name: str) -> Terms:
    if name in _PERMISSIVE:
        return Terms.PERMISSIVE
    if _FILE_COPYLEFT.match(name):
        return Terms.FILE_COPYLEFT
    return Terms.FORBIDDEN if _FORBIDDEN.match(name) else Terms.UNKNOWN
