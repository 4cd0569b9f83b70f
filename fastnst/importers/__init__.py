"""Make styles of networks that other programs trained; one module per program."""

from fastnst.importers._files import ImportFileError
from fastnst.importers._import import ORIGINS, Imported, ImportJob, run

__all__ = ["ORIGINS", "ImportFileError", "ImportJob", "Imported", "run"]
