import importlib.util
import sys
from pathlib import Path

import pytest

constants = pytest.importorskip("huggingface_hub.constants")

spec = importlib.util.spec_from_file_location("standin", Path(__file__).with_name("standin.py"))
standin = importlib.util.module_from_spec(spec)
sys.modules["standin"] = standin  # where dataclasses look for it
spec.loader.exec_module(standin)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in for the hub that the client asks, an empty cache, and a login."""
    from fastnst.assets.hub import _fetched

    hub = standin.Hub()
    server = standin.serve(hub)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
    monkeypatch.setenv("HF_TOKEN", standin.TOKEN)
    _fetched.cache_clear()
    yield hub
    _fetched.cache_clear()
    server.shutdown()
    server.server_close()


@pytest.fixture
def repo(hub, trained):
    """A style on the hub, as somebody brought it there without us: no card."""
    found = standin.Repo({"waves.safetensors": trained.read_bytes()})
    hub.repos["you/waves"] = found
    return found


@pytest.fixture
def make_repo():
    return standin.Repo
