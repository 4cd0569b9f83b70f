"""Paint and train behind an address: a web server around the stylizer; needs the extra ``serve``."""

from fastnst.serve.job import Limits, ServeJob

__all__ = ["Limits", "ServeJob"]
