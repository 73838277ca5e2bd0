"""What a column is in a tf.Example: int64, float32 or bytes, inferred from text as the official CsvExampleGen does.

A column is int only when every value is one, else float, else bytes; a whole number beyond 64 bits makes it bytes.
`nan` and `inf` are floats, as there. A value is missing when its cell is empty. Arrow's own inference would also
see dates, booleans and hexadecimal numbers, so Arrow only converts, and only text that both read alike; the rest
goes through Python's int() and float(), which is what the official code calls.

Where a column's kind is known from elsewhere (a curated schema), what stands in the file gives way as long as no
value changes by it."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

INT64_RANGE = range(-(2**63), 2**63)


class Kind(IntEnum):
    """Ordered: a column is of the greatest kind among its values."""

    NONE = 0  # no value at all
    INT = 1
    FLOAT = 2
    BYTES = 3


KIND_OF_OVERRIDE = {"int": Kind.INT, "float": Kind.FLOAT, "string": Kind.BYTES}
ARROW_TYPE = {
    Kind.NONE: pa.int64(),
    Kind.INT: pa.int64(),
    Kind.FLOAT: pa.float32(),
    Kind.BYTES: pa.large_binary(),
}
_INT_BYTES = np.isin(np.arange(256), list(b"0123456789-"))
_FLOAT_BYTES = np.isin(np.arange(256), list(b"0123456789-+.eE"))
_DECIMAL_BYTES = np.isin(np.arange(256), list(b".eE"))
_PROBED = 16
_BYTES_PROBED = 256
_EXACT_IN_FLOAT64 = 1 << 53


def kind_of_texts(texts: pa.StringArray, at_least: Kind) -> Kind:
    """The kind of a column whose earlier values were `at_least` and that goes on with these."""
    if at_least is Kind.BYTES or texts.null_count == len(texts):
        return at_least
    content = _content(texts)
    if _all_among(_INT_BYTES, content):
        if _casts(texts, pa.int64()):
            return max(at_least, Kind.INT)
    elif _may_be_decimal(content) and _casts(texts, pa.float64()) and not _has_long_integer(texts):
        return Kind.FLOAT
    return max(at_least, _kind_by_python(texts))


def agreed_kind(found: Kind, known: Kind, all_whole: bool, from_text: bool) -> Kind:
    """The kind of a column that is `found` in the data and `known` from elsewhere: a hint, never force.

    pandas writes a column of whole numbers in which one is missing as 32.0: there, floats become ints. Text stays
    text, so that whoever compares the data with its schema sees it; and numbers become text only where they were
    read from text.
    """
    if known is Kind.INT and found is Kind.FLOAT and all_whole:
        return Kind.INT
    # A column without a value stays without a type, too: TFDV would take typed empty lists for values.
    if found is Kind.NONE or (known is Kind.BYTES and not from_text):
        return found
    return max(found, known)


def texts_are_whole(texts: pa.StringArray) -> bool:
    """Whether every value is a whole number, written 32 or 32.0, that an int holds without loss."""
    if _all_among(_FLOAT_BYTES, _content(texts)) and _casts(texts, pa.float64()):
        numbers = texts.drop_null().cast(pa.float64()).to_numpy(zero_copy_only=False)
        if not (np.floor(numbers) == numbers).all():
            return False
    return not to_kind(texts, Kind.INT)[1].any()


def _may_be_decimal(content: npt.NDArray[np.uint8]) -> bool:
    """Whether the bytes are those of numbers, and one shows a decimal number: newer Arrow casts `+2`, which is a
    whole number by the official rule, to a float, too."""
    return _all_among(_FLOAT_BYTES, content) and bool(_DECIMAL_BYTES[content].any())


def _has_long_integer(texts: pa.StringArray) -> bool:
    """Whether a whole number among decimal ones may not fit 64 bits; the official rule then says bytes."""
    if pc.max(pc.binary_length(texts)).as_py() < 19:
        return False
    return bool(pc.any(pc.match_substring_regex(texts, r"^[+-]?\d{19,}$")).as_py())


def _kind_by_python(texts: pa.StringArray) -> Kind:
    kind = Kind.NONE
    probed = texts.drop_null()
    for text in probed[:_PROBED].to_pylist():
        kind = max(kind, kind_of_value(text))
    if kind is not Kind.BYTES:
        for text in probed.dictionary_encode().dictionary.to_pylist():
            kind = max(kind, kind_of_value(text))
            if kind is Kind.BYTES:
                break
    return kind


def kind_of_value(text: str) -> Kind:
    """The official rule for one cell; int() and float() see bytes there, so digits are ASCII digits."""
    cell = text.encode()
    try:
        return Kind.INT if int(cell) in INT64_RANGE else Kind.BYTES
    except ValueError:
        pass
    try:
        float(cell)
    except ValueError:
        return Kind.BYTES
    return Kind.FLOAT


def to_kind(texts: pa.StringArray, kind: Kind) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """The values of a text column, missing as null, and which rows hold text that is not of this kind."""
    unfit = np.zeros(len(texts), bool)
    if kind is Kind.BYTES:
        return texts.cast(pa.large_string()).cast(pa.large_binary()), unfit
    if kind is Kind.NONE or texts.null_count == len(texts):
        return pa.nulls(len(texts), ARROW_TYPE[kind]), unfit
    allowed, wide = (_INT_BYTES, pa.int64()) if kind is Kind.INT else (_FLOAT_BYTES, pa.float64())
    if _all_among(allowed, _content(texts)):
        try:
            return _narrow(texts.cast(wide), kind), unfit
        except pa.ArrowInvalid:
            pass
    if kind is Kind.INT and (whole := _whole_floats(texts)) is not None:
        return whole, unfit
    encoded = texts.dictionary_encode()
    convert = _int_or_none if kind is Kind.INT else _float_or_none
    values = pa.array([convert(text) for text in encoded.dictionary.to_pylist()], wide)
    taken = values.take(encoded.indices)
    return _narrow(taken, kind), np.asarray(pc.and_(taken.is_null(), texts.is_valid()))


def _whole_floats(texts: pa.StringArray) -> pa.Int64Array | None:
    """Values such as 32.0 as ints, or none when that is not safe for all of them at once."""
    if not _all_among(_FLOAT_BYTES, _content(texts)) or not _casts(texts, pa.float64()):
        return None
    numbers = texts.cast(pa.float64())
    seen = numbers.drop_null().to_numpy(zero_copy_only=False)
    # 2^53 itself may be 2^53 + 1, rounded.
    exact = (np.floor(seen) == seen) & (np.abs(seen) < _EXACT_IN_FLOAT64)
    return numbers.cast(pa.int64()) if exact.all() else None


def _int_or_none(text: str) -> int | None:
    try:
        return value if (value := int(text.encode())) in INT64_RANGE else None
    except ValueError:
        number = _float_or_none(text)
    # From 2^53 on a float may have lost digits: what it says may not be what was meant.
    return int(number) if number is not None and number.is_integer() and abs(number) < _EXACT_IN_FLOAT64 else None


def _float_or_none(text: str) -> float | None:
    try:
        return float(text.encode())
    except ValueError:
        return None


def _narrow(values: pa.Array, kind: Kind) -> pa.Array:
    # A float beyond 32 bits becomes infinite, as in the official protobuf.
    return values.cast(pa.float32(), safe=False) if kind is Kind.FLOAT else values


def _casts(texts: pa.StringArray, to: pa.DataType) -> bool:
    try:
        texts.cast(to)
    except pa.ArrowInvalid:
        return False
    return True


def _all_among(allowed: npt.NDArray[np.bool_], content: npt.NDArray[np.uint8]) -> bool:
    """Whether all bytes are allowed; the first few mostly tell that they are not."""
    return bool(allowed[content[:_BYTES_PROBED]].all() and allowed[content].all())


def _content(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    """All bytes of all values, one after the other."""
    if not len(texts):
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data else np.zeros(0, np.uint8)
