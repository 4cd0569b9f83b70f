"""Styles that clients have trained: one training at a time, and all found again by the next server."""

import logging
import threading
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fastnst.budget import parse_time
from fastnst.errors import first_line
from fastnst.images import open_image, write_image
from fastnst.inference import Stylizer
from fastnst.serve.job import ServeJob
from fastnst.serve.orders import Order, Place, UnknownStyleError, free_id, kept
from fastnst.serve.service import BusyError, Service
from fastnst.serve.training import Training

log = logging.getLogger(__name__)


class Styles:
    """Train what is asked for, one after the other.

    Args:
        job: Says where styles are kept, and how they are trained.
        photos: What they are trained on.
        service: Gets the models, and paints the pictures that show them.

    Attributes:
        orders: By id, in the order in which they came.
    """

    def __init__(self, job: ServeJob, photos: str, service: Service) -> None:
        self.job, self.photos, self.service = job, photos, service
        self.folder = job.styles_folder
        self.orders: dict[str, Order] = {}
        self._running: tuple[str, Training] | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="fastnst-trainings", daemon=True)

    def start(self) -> None:
        """Take up what the folder holds, and begin to train."""
        for place in kept(self.folder):
            try:
                order = place.read()
                if order.state == "done":
                    self._publish(place, order.title)
                self.orders[order.id] = order
            except (ValueError, OSError) as error:
                log.warning("%s: is left out (%s)", place.folder, error)
        self._thread.start()

    def check_room(self) -> None:
        """Refuse one order more.

        Raises:
            BusyError: Too many wait.
        """
        waiting = sum(not order.ended for order in list(self.orders.values()))
        if waiting > self.job.limits.trainings:
            raise BusyError(f"{waiting} styles are waiting to be trained", parse_time(self.job.budget))

    def add(self, title: str, style: Image.Image, photo: Image.Image, preview: Image.Image) -> Order:
        """Order a style.

        Args:
            title: As the client calls it.
            style: The picture to imitate.
            photo: On which it is shown.
            preview: What is expected of it.

        Raises:
            BusyError: Too many wait.
            WriteError: The folder cannot be written.
        """
        with self._changed:
            self.check_room()
            order = Order(free_id(title, self._taken), title)
            place = self.place(order.id)
            for image, file in ((style, place.style), (photo, place.photo), (preview, place.preview)):
                write_image(image, file)
            self._note(order)
            self._changed.notify()
        return order

    def _taken(self, id: str) -> bool:
        return id in self.service.shelf.stylizers or (self.folder / id).exists()

    def place(self, id: str) -> Place:
        """Return where the files of an order are."""
        return Place(self.folder, id)

    def get(self, id: str) -> Order:
        """Return an order.

        Raises:
            UnknownStyleError: There is none of this id.
        """
        if id not in self.orders:
            raise UnknownStyleError(f"nobody asked for a style {id!r}")
        return self.orders[id]

    def cancel(self, id: str) -> Order:
        """Stop a training, or take an order back; one that has ended stays as it is.

        Raises:
            UnknownStyleError: There is none of this id.
            WriteError: It could not be noted, and goes on.
        """
        with self._changed:
            if not self.get(id).ended:
                self._note(replace(self.get(id), state="failed", message="stopped"))
            if self._running and self._running[0] == id:
                self._running[1].stop()
            return self.orders[id]

    def close(self) -> None:
        """Stop the training that runs, with what there is saved; the next server goes on with it."""
        with self._changed:
            self._closed = True
            if self._running:
                self._running[1].stop()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def kill(self) -> None:
        """End the training that runs, at once; its folder holds what it saved last."""
        if self._running:
            self._running[1].kill()

    def _run(self) -> None:
        while begun := self._begin():
            self._train(*begun)
            with self._changed:
                self._running = None

    def _begin(self) -> tuple[Order, Training] | None:
        """Wait for an order, and take note that it is being trained; nothing when the server stops."""
        with self._changed:
            while not self._closed:
                for order in self.orders.values():
                    if order.state == "queued":
                        place = self.place(order.id)
                        training = Training(place.style, place.run, self.photos, self.job)
                        self._running = order.id, training
                        self._advance(order, 0.0, "preparing")
                        return order, training
                self._changed.wait()
        return None

    def _train(self, order: Order, training: Training) -> None:
        place = self.place(order.id)
        try:
            training(lambda share, message: self._advance(order, share, message))
            stylizer = self._publish(place, order.title)
            photo = open_image(place.photo)
            write_image(self.service.batcher.alone(lambda: stylizer(photo)).result(), place.result)
            self._settle(replace(order, state="done", share=1.0))
        except (ValueError, OSError, RuntimeError, FloatingPointError) as error:  # of training, reading and painting
            if not self._closed:
                log.warning("style %s: %s", order.id, error)
                self._settle(replace(order, state="failed", message=_plainly(error, place.folder)))

    def _publish(self, place: Place, title: str) -> Stylizer:
        """Put what was trained on the shelf, called as its client called it."""
        stylizer = self.service.shelf.load(place.model)
        if stylizer.metadata is not None:
            styles = [style | {"title": title} for style in stylizer.metadata.styles]
            stylizer.metadata = replace(stylizer.metadata, styles=styles)
        self.service.shelf.add(place.folder.name, stylizer)
        return stylizer

    def _advance(self, order: Order, share: float, message: str) -> None:
        with self._changed:
            if not self.orders[order.id].ended:
                self.orders[order.id] = replace(order, state="training", share=share, message=message)

    def _settle(self, order: Order) -> None:
        """Take note of an end; where the disk takes no note, the next server goes on with the training."""
        with self._changed:
            if self.orders[order.id].ended:
                return
            self.orders[order.id] = order
            try:
                self._note(order)
            except OSError as error:
                log.warning("style %s: %s is not noted (%s)", order.id, order.state, error)

    def _note(self, order: Order) -> None:
        """Keep an order, also for the next server."""
        self.place(order.id).note(order)
        self.orders[order.id] = order


def _plainly(error: Exception, folder: Path) -> str:
    """Return the first line of an error, without the place of the server's files."""
    return first_line(error).replace(f"{folder}/", "")
