"""What stops `kanto run` before it has started anything."""


class Refusal(Exception):
    """Something that a person has to put right first. The message is a sentence that says what, and how."""
