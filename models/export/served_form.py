"""What a server has to know about an exported model beside its signatures, kept in the export itself; free of heavy
imports, for those who write it and for those who read it."""

import json
from dataclasses import asdict, dataclass

FOLDER, FILE = "assets.extra", "served_form.json"


@dataclass(frozen=True)
class ServedForm:
    """`label` is the column that is predicted, `classes` its values in the order of the outputs (two for a sigmoid),
    `required` the inputs of `serving_default` that have no placeholder for a missing value."""

    label: str
    classes: list[str]
    required: list[str]

    def dumps(self) -> str:
        """The text of the file; the same for the same form."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def loads(cls, text: str) -> "ServedForm":
        """What `dumps` wrote."""
        return cls(**json.loads(text))
