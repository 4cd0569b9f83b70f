"""Share styles on the Hugging Face hub; :mod:`fastnst.assets.hub` is the way back."""

from fastnst.sharing.push import Pushed, PushJob, lay_out, run

__all__ = ["PushJob", "Pushed", "lay_out", "run"]
