"""Rooms that share their name with a function of :mod:`fastnst.api`: called, they are that function."""

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any


class CallableModule(ModuleType):
    """A module such as ``fastnst.optimize``, which is a room to import from and a function to call.

    Importing the room makes it an attribute of ``fastnst``, in place of whatever had that name there.
    """

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function(*args, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @property
    def _function(self) -> Any:
        return getattr(importlib.import_module("fastnst.api"), self.__name__.rpartition(".")[2])


def make_callable(name: str) -> None:
    """Let the module of this name stand for the function that is called like it."""
    sys.modules[name].__class__ = CallableModule
