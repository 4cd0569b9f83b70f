"""Files that were damaged by chance or made in bad faith, and what becomes of them."""

from mutants.case import Case, Ground, Kind
from mutants.kinds import KINDS, Absent

__all__ = ["KINDS", "Absent", "Case", "Ground", "Kind"]
