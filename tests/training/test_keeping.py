import pytest
import torch

from fastnst.training.keeping import AtomicCheckpointIO


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    io, path = AtomicCheckpointIO(), tmp_path / "checkpoints" / "last.ckpt"
    io.save_checkpoint({"step": 1}, path)

    def fail(checkpoint, file):
        file.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space"):
        io.save_checkpoint({"step": 2}, path)
    assert io.load_checkpoint(path) == {"step": 1}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_files_with_code_are_refused(tmp_path):
    torch.save({"step": print}, tmp_path / "evil.ckpt")
    with pytest.raises(Exception, match="weights_only|Weights only"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "evil.ckpt")
