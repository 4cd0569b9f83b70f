import torch
from PIL import Image
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from fastnst.training.previews import log_image


class Pictures(CSVLogger):
    """A logger that takes pictures as Weights & Biases' does."""

    def log_image(self, key, images, step=None):
        self.taken = (key, images, step)


def test_a_logger_that_takes_pictures_gets_them(tmp_path):
    logger = Pictures(tmp_path)
    log_image(logger, "painted", torch.full((3, 4, 6), 0.5), 7)
    key, (picture,), step = logger.taken
    assert (key, step) == ("painted", 7)
    assert isinstance(picture, Image.Image)
    assert picture.size == (6, 4)


def test_tensorboard_gets_them_in_its_own_way(tmp_path, monkeypatch):
    logger, taken = TensorBoardLogger(tmp_path), []
    monkeypatch.setattr(logger.experiment, "add_image", lambda *given: taken.append(given))
    image = torch.rand(3, 4, 6)
    log_image(logger, "style", image, 3)
    assert taken == [("style", image, 3)]


def test_a_logger_without_pictures_is_left_alone(tmp_path):
    log_image(CSVLogger(tmp_path), "painted", torch.rand(3, 4, 6), 7)
