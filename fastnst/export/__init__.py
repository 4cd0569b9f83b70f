"""Networks for other programs: graphs for ONNX Runtime and browsers, programs for torch elsewhere."""

from fastnst.export.check import ExportError
from fastnst.export.notes import Notes
from fastnst.export.publishing import publish

__all__ = ["ExportError", "Notes", "publish"]
