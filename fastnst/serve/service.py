"""What a server does with a request, apart from HTTP: a place in the queue, reading, painting, writing."""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np

from fastnst.inference import Layer, Painter, Stylizer, joint
from fastnst.inference.batching import Batcher
from fastnst.serve import painting
from fastnst.serve.job import ServeJob
from fastnst.serve.metrics import Metrics
from fastnst.serve.models import Shelf
from fastnst.serve.painting import Wish

T = TypeVar("T")

WARMING = np.full((64, 64, 3), np.arange(64, dtype=np.uint8)[:, None])
"""A small picture."""

DECODED = 4
"""Pictures of the largest size that are in memory at the same time; others wait as the files they are."""


class BusyError(Exception):
    """All places are taken.

    Args:
        seconds: After which it is worth asking again.
    """

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(what)
        self.seconds = max(1, math.ceil(seconds))


class Service:
    """Paint what is asked for, as much at the same time as fits.

    Args:
        job: What is served.

    Attributes:
        draining: The server is being stopped.
    """

    def __init__(self, job: ServeJob) -> None:
        self.job, self.limits, self.metrics = job, job.limits, Metrics()
        self.shelf = Shelf(job)
        self.batcher = Batcher(self.metrics.on_batch)
        self.draining = False
        self.taken = 0
        self._room = Room(DECODED * job.limits.pixels)
        self._pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1), "fastnst-files")
        self.metrics.watch("fastnst_queue", "Requests being served or waiting.", lambda: self.taken)
        self.metrics.watch("fastnst_models", "Models to choose from.", lambda: len(self.shelf.stylizers))

    def fill(self) -> None:
        """Load the models, and paint something small with each: what cannot paint is to be known now.

        Raises:
            CheckpointError: A file cannot be used.
            ConfigError: No such model, or the engine is not there.
            FloatingPointError: A network returned values that are not finite.
        """
        self.shelf.fill()
        for stylizer in self.shelf.stylizers.values():
            one = stylizer.styled(stylizer.styles[0]) if len(stylizer.styles) > 1 else stylizer
            self.batcher.alone(partial(one.paint, WARMING)).result()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take a place in the queue.

        Raises:
            BusyError: There is none.
        """
        if self.taken >= self.limits.queue:
            raise BusyError(f"{self.taken} pictures are waiting already", self.taken * self.batcher.seconds)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def paint(
        self, file: BinaryIO, choose: Callable[[], Stylizer], wish: Wish, settings: dict[str, object]
    ) -> bytes:
        """Return the file that a picture's file becomes.

        Args:
            file: Of the picture; it is in memory only while there is room for it.
            choose: Returns what paints it.
            wish: How the result is to be.
            settings: To be noted in it.

        Raises:
            ImageError: It is no picture, or too large.
            FloatingPointError: The network returned values that are not finite.
        """
        most = self.limits.pixels
        stylizer, pixels = await self.in_pool(lambda: (choose(), painting.measure(file, wish, most)))
        async with self._room.holding(pixels):
            pictures, photo = await self.in_pool(lambda: painting.read(file, wish, most))
            if photo is None:
                painter = Painter([Layer(stylizer)], wish.color, how={"size": wish.size})
                frames = await self.computed(lambda: painter(pictures))
                return await self.in_pool(lambda: painting.write(frames, wish, settings))
            painted = await self._painted(photo, stylizer)
            return await self.in_pool(
                lambda: painting.write([painting.finish(pictures[0], photo, painted, wish)], wish, settings)
            )

    async def _painted(self, photo: np.ndarray, stylizer: Stylizer) -> np.ndarray:
        """Paint, together with others of the same size and style."""
        key = (id(stylizer), photo.shape, photo.dtype.name)
        most = joint.together(photo, self.limits.batch, stylizer.device)
        return await asyncio.wrap_future(
            self.batcher.submit(key, lambda photos: joint.paint(stylizer, photos), photo, most)
        )

    async def computed(self, work: Callable[[], T]) -> T:
        """Compute something in its turn."""
        return await asyncio.wrap_future(self.batcher.alone(work))

    async def in_pool(self, work: Callable[[], T]) -> T:
        """Do what needs no network, beside others."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @property
    def ready(self) -> bool:
        """Whether a request would be served, at least after a while."""
        return not self.draining and self.batcher.alive

    def close(self) -> None:
        """Finish what was begun."""
        self.batcher.close()
        self._pool.shutdown()


class Room:
    """A number of pixels that may be held at the same time; what does not fit waits.

    Args:
        pixels: In all; one that is larger is let in alone.
    """

    def __init__(self, pixels: int) -> None:
        self.pixels, self.used = pixels, 0
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def holding(self, pixels: int) -> AsyncIterator[None]:
        """Wait for room, and take it within the context."""
        while self.used and self.used + pixels > self.pixels:
            self._freed.clear()
            await self._freed.wait()
        self.used += pixels
        try:
            yield
        finally:
            self.used -= pixels
            self._freed.set()
