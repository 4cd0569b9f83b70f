"""Errors whose message is meant for the person at the keyboard."""


class ConfigError(ValueError):
    """A setting asks for something that cannot be: an unknown name, an impossible size, an empty folder.

    The command line ends with exit code 2 on this error and with 1 on any other.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or else what it is called."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
