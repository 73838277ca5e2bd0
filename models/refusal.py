"""What a person can mend before a model is trained, as an exception that says how."""


class CannotTrain(ValueError):  # noqa: N818 (reads as what it says: `raise CannotTrain`)
    """One plain sentence, and the next command to type; the runners end with exit code 3 and no traceback."""

    def __init__(self, sentence: str, next_command: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next_command = next_command

    def __reduce__(self) -> tuple[type["CannotTrain"], tuple[str, str]]:
        return type(self), (self.sentence, self.next_command)
