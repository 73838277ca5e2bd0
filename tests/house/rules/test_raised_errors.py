"""The docstring of a public function that lets an error of ours out has a `Raises:` section, in one form."""

from __future__ import annotations

import pytest

from tests.house.rules.raised_errors import error_makers, exceptions_in_prose, undocumented
from tests.house.rules.tree import modules, shown


def test_a_public_function_documents_when_an_error_of_ours_leaves_it() -> None:
    sources = {shown(path): path.read_text(encoding="utf-8") for path in modules()}
    makers = set().union(*(error_makers(source) for source in sources.values()))
    assert len(sources) > 200
    assert {name: found for name, source in sources.items() if (found := undocumented(source, makers))} == {}


def test_what_a_function_raises_stands_in_its_section_and_in_no_sentence() -> None:
    found = {shown(path): exceptions_in_prose(path.read_text(encoding="utf-8")) for path in modules()}
    assert {name: sentences for name, sentences in found.items() if sentences} == {}


RAISING = "def f(x):\n    '''F.'''\n    raise SluiceError('no')\n"
DOCUMENTED = (
    "def f(x):\n    '''F.\n\n    Raises:\n      SluiceError: when it is wrong.\n    '''\n    raise SluiceError('no')\n"
)
THROUGH = "def f():\n    '''F.'''\n    _g()\n\ndef _g():\n    {}\n"


@pytest.mark.parametrize(
    "source",
    [
        RAISING,
        DOCUMENTED.replace("SluiceError: when", "ValueError: when"),
        THROUGH.format("raise SluiceError('no')"),
        THROUGH.format("_h()\n\ndef _h():\n    raise SluiceError('no')"),
        THROUGH.format("raise _error()\n\ndef _error() -> SluiceError:\n    return SluiceError('no')"),
        THROUGH.format("raise made_elsewhere()"),
        THROUGH.format("with open(x) as file:\n        raise SluiceError('no')"),
        THROUGH.format("try:\n        x()\n    except SluiceError:\n        raise SluiceError('no')"),
        THROUGH.format("try:\n        raise SluiceError('no')\n    except ValueError:\n        pass"),
        THROUGH.format("try:\n        raise SluiceError('no')\n    except SluiceError:\n        x()\n        raise"),
        "def f():\n    def g():\n        raise SluiceError('no')\n    return [g()]\n",
    ],
)
def test_an_undocumented_error_is_found(source: str) -> None:
    assert undocumented(source, {"made_elsewhere"}) == ["f"]


@pytest.mark.parametrize(
    "source",
    [
        DOCUMENTED,
        RAISING.replace("def f", "def _f"),
        RAISING.replace("SluiceError", "ValueError"),
        THROUGH.format("try:\n        raise SluiceError('no')\n    except (OSError, SluiceError):\n        pass"),
        THROUGH.format(
            "try:\n        _h()\n    except Exception:\n        pass\n\ndef _h():\n    raise SluiceError('no')"
        ),
        "def f():\n    def g():\n        raise SluiceError('no')\n    return g\n",
        f"@main.command(name='list')\n{RAISING}",
    ],
)
def test_an_error_that_is_caught_or_documented_passes(source: str) -> None:
    assert undocumented(source) == []


METHODS = """
class Base:
    def _check(self):
        raise SluiceError('no')

class Model(Base):
    '''M.'''
    def __init__(self):
        self._check()

    def fit(self):
        '''Fits.'''
        self._check()

class _Hidden(Base):
    def fit(self):
        self._check()

def made():
    '''Made.'''
    return Model()
"""


def test_methods_are_followed_to_their_bases_and_a_constructor_counts_for_its_class() -> None:
    assert undocumented(METHODS) == ["Model", "Model.fit", "made"]


@pytest.mark.parametrize(
    ("docstring", "in_prose"),
    [
        ("F. Raises SluiceError when it is wrong.", True),
        ("F; raises KeyError.", True),
        ("F.\n\n    A SluiceError when it is wrong.", True),
        ("F.\n\n    Raises:\n      SluiceError: when it is wrong.\n    ", False),
        ("It raises the bar.", False),
    ],
)
def test_an_error_in_a_sentence_is_found(docstring: str, in_prose: bool) -> None:
    assert bool(exceptions_in_prose(f"def f():\n    '''{docstring}'''\n")) == in_prose
