"""A page that paints in the browser: what it shows of models, and a folder that any static host serves."""

from fastnst.web.models import describe_models, open_models, safe_name, thumbnail
from fastnst.web.runtime import FetchError, find_runtime
from fastnst.web.site import PAGE, Site, describe_site, write_site

__all__ = [
    "PAGE",
    "FetchError",
    "Site",
    "describe_models",
    "describe_site",
    "find_runtime",
    "open_models",
    "safe_name",
    "thumbnail",
    "write_site",
]
