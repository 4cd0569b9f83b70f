"""What is wrong with a picture."""


class ImageError(ValueError):
    """A file cannot be used as a picture; the message names it and states the reason."""
