"""A group of processes, each with a part of the work."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from agop.errors import AgopError, InputError, RankError
from agop.ranks.dealing import dealt
from agop.ranks.leaves import leaves_of, mapped_leaves
from agop.ranks.message import empty_message, parts_of

__all__ = ["ALONE", "Ranks"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """Processes that call the same methods in the same order, each with values of its own.

    Attributes
    ----------
    group
        Process group of ``torch.distributed``; None for this process alone, for which nothing is sent.

    Raises
    ------
    InputError
        If it is something else, or of other processes.

    Examples
    --------
    >>> alone = Ranks()
    >>> alone.rank, alone.world, alone.spread(abs, {-3: 1.0, 2: 1.0})
    (0, 1, {-3: 3, 2: 2})
    """

    group: dist.ProcessGroup | None = None

    def __post_init__(self) -> None:
        """Check that this process is one of the group."""
        group: Any = self.group
        if group is not None and not isinstance(group, dist.ProcessGroup):
            advice = "torch.distributed.group.WORLD is that of all processes, once init_process_group was called."
            raise InputError("a process group of which this process is one", repr(group), advice)

    @property
    def rank(self) -> int:
        """Number of this process."""
        return 0 if self.group is None else dist.get_rank(self.group)

    @property
    def world(self) -> int:
        """Number of processes."""
        return 1 if self.group is None else dist.get_world_size(self.group)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Context of work of all ranks: an error in one of them ends all, at their next exchange or at the end.

        One such context is not inside another.

        Raises
        ------
        RankError
            On the other ranks, if there is an error on one, or one is gone.
        """
        try:
            yield
        except RankError:
            raise
        except Exception as error:
            if self.group is not None:
                with suppress(RankError):
                    self._gathered((_message(error), None))
            raise
        self.exchange(None)

    def exchange(self, own: Value) -> list[Value]:
        """Values of all ranks, in their order: their structure and numbers, but of tensors only the shapes.

        Tensors of other ranks, and one's own too, come as tensors on the meta device: kilobytes are sent.

        Raises
        ------
        RankError
            If there is an error on another rank, or one is gone.
        """
        if self.group is None:
            return [own]
        found = self._gathered((None, mapped_leaves(own, (Tensor,), lambda tensor: tensor.to("meta"))))
        for rank, (failure, _) in enumerate(found):
            if failure is not None:
                got = f"an error on rank {rank}: {failure.rstrip('.')}"
                raise RankError("all ranks to do their part", got, "Mend it there.")
        return [value for _, value in found]

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Sum over the ranks of each tensor, in float64 and one collective; shapes must be the same on all ranks."""
        if self.group is None or not tensors:
            return [tensor.double() for tensor in tensors]
        packed = torch.cat([tensor.double().flatten() for tensor in tensors])
        sent = packed.to(self._device(packed.device))
        with _answered():
            dist.all_reduce(sent, group=self.group)
        found = torch.split(sent.to(packed.device), [tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(found, tensors, strict=True)]

    def send(self, rank: int, tensor: Tensor) -> Callable[[], Tensor]:
        """Begin to send a tensor of one rank to all; the function that is returned waits until it is there.

        Parameters
        ----------
        rank
            Rank whose numbers are sent.
        tensor
            Contiguous tensor of one shape and data type on all ranks, to be left alone until it is there; that of
            another rank is overwritten.
        """
        if self.group is None:
            return lambda: tensor
        sent = tensor.to(self._device(tensor.device))
        with _answered():
            work = dist.broadcast(sent, dist.get_global_rank(self.group, rank), group=self.group, async_op=True)

        def wait() -> Tensor:
            with _answered():
                work.wait()
            return tensor if sent is tensor or rank == self.rank else tensor.copy_(sent)

        return wait

    def sum_at(self, rank: int, tensor: Tensor) -> Callable[[], Tensor | None]:
        """Begin to add up a tensor of all ranks at one of them; the function that is returned waits, and has the sum.

        Parameters
        ----------
        rank
            Rank that gets the sum, in the data type of the tensor; the function returns None on the others.
        tensor
            Contiguous tensor of one shape and data type on all ranks, which may be overwritten.
        """
        if self.group is None:
            return lambda: tensor
        sent = tensor.to(self._device(tensor.device))
        with _answered():
            work = dist.reduce(sent, dist.get_global_rank(self.group, rank), group=self.group, async_op=True)

        def wait() -> Tensor | None:
            with _answered():
                work.wait()
            return sent.to(tensor.device) if rank == self.rank else None

        return wait

    def share(self, own: Mapping[Key, Value], device: torch.device | str = "cpu") -> dict[Key, Value]:
        """Values of all ranks under their keys, with their tensors on a device: an exchange, and a broadcast a rank."""
        if self.group is None:
            return dict(own)
        tensors = leaves_of(own, (Tensor,))
        found: dict[Key, Value] = {}
        for rank, outline in enumerate(self.exchange(own)):
            received = iter(self._broadcast(rank, tensors, outline, torch.device(device)))
            found |= mapped_leaves(outline, (Tensor,), partial(_next, received))
        return found

    def spread(
        self,
        work: Callable[..., Value],
        costs: Mapping[Key, float],
        device: torch.device | str = "cpu",
        *,
        fetch: Callable[[Key], Any] | None = None,
    ) -> dict[Key, Value]:
        """Results of some work on each key, which one rank does and all get, so that the costs of the ranks are alike.

        Parameters
        ----------
        work
            Function of a key, and of what was fetched for it.
        costs
            Cost by key, the same on all ranks.
        device
            Device for the tensors of the results.
        fetch
            Function of a key that all ranks call, for one key after another, so that it may be a collective. Each keeps
            what is for its own work, of one key at a time.
        """
        if self.group is None:
            return {key: work(key) if fetch is None else work(key, fetch(key)) for key in costs}
        found, failure = dict[Key, Value](), None
        for turn in dealt(costs, self.world):
            given = self._fetched(turn, fetch)
            try:
                found |= {key: work(key, *arguments) for key, arguments in given.items()}
            except Exception as error:  # noqa: BLE001 - raised when the others have got what all fetch together
                failure = failure or error
            del given
        if failure is not None:
            raise failure
        found = self.share(found, device)
        return {key: found[key] for key in costs}

    def first(self, work: Callable[[], Value], device: torch.device | str = "cpu") -> Value:
        """Result of some work that rank 0 does and all get, with its tensors on a device."""
        return self.spread(lambda _: work(), {0: 0.0}, device)[0]

    def _fetched(
        self, turn: Mapping[int, Key], fetch: Callable[[Key], Any] | None
    ) -> dict[Key, tuple[()] | tuple[Any]]:
        """What the work of this rank takes beside its key, if the turn has one for it."""
        kept: dict[Key, tuple[()] | tuple[Any]] = {}
        for rank, key in turn.items():
            arguments = () if fetch is None else (fetch(key),)
            kept |= {key: arguments} if rank == self.rank else {}
            del arguments
        return kept

    def _gathered(self, own: tuple[str | None, Any]) -> list[tuple[str | None, Any]]:
        found: list[Any] = [None] * self.world
        with _answered():
            dist.all_gather_object(found, own, group=self.group)
        return found

    def _broadcast(self, rank: int, own: list[Tensor], outline: object, device: torch.device) -> list[Tensor]:
        """Tensors of a rank, from their outlines, in one message."""
        outlines = leaves_of(outline, (Tensor,))
        if not outlines:
            return []
        message = empty_message(outlines, self._device(device))
        for part, tensor in zip(parts_of(message, outlines), own, strict=True) if rank == self.rank else ():
            part.copy_(tensor)
        self.send(rank, message)()
        return [part.clone() for part in parts_of(message.to(device), outlines)]

    def _device(self, device: torch.device) -> torch.device:
        """Device of what is sent: NCCL alone sends from GPUs only."""
        on_gpu = dist.get_backend(self.group) == "nccl" and device.type != "cuda"
        return torch.device("cuda", torch.cuda.current_device()) if on_gpu else device


ALONE = Ranks()
"""This process alone."""


@contextmanager
def _answered() -> Iterator[None]:
    """Context of a collective, with one sentence if another rank does not take part."""
    try:
        yield
    except RuntimeError as error:
        got = f"one that is gone or too slow ({str(error).splitlines()[0]})"
        advice = "See what it printed last; a longer timeout of init_process_group helps where it was slow."
        raise RankError("an answer of all ranks", got, advice) from error


def _next(tensors: Iterator[Tensor], _: Tensor) -> Tensor:
    return next(tensors)


def _message(error: Exception) -> str:
    """What an error says, with its type unless it is one of this package."""
    return str(error) if isinstance(error, AgopError) else f"{type(error).__name__}: {error}"
