"""The calls of linear layers in a forward pass, watched from outside: no module gets a hook."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from agop.network.capture.common_inputs import JointCall, common_inputs
from agop.network.capture.layer_call import LayerCall, source_of
from agop.network.capture.layers import Linear, linear_call
from agop.network.capture.output_stage import OutputStages, overwrites
from agop.network.capture.weights import Weights

__all__ = ["Capture"]

_attention_forward = types.FunctionType(
    functional.multi_head_attention_forward.__code__,
    {**vars(functional), "has_torch_function": lambda _: False},
    argdefs=functional.multi_head_attention_forward.__defaults__,
)
_attention_forward.__kwdefaults__ = functional.multi_head_attention_forward.__kwdefaults__
"""PyTorch's attention in full, whose projections can be watched: the original hands itself over as one call."""


class Capture(TorchFunctionMode):
    """Context in which the calls of a model's linear layers are noted, in the order they are made.

    Where gradients are enabled the model's parameters must not require them: the outputs of the first layers become
    the leaves of the graph, so that a backward pass costs nothing it need not.

    Parameters
    ----------
    weights
        Layers to watch.

    Attributes
    ----------
    calls
        Calls that were noted.
    leaves
        Tensors to differentiate with respect to, so that every call's ``on_gradient`` is served.

    Notes
    -----
    The tensors of a call share memory with those of the model; :meth:`values` gives them as they were in the call, even
    if a later one overwrote them, as in-place nonlinearities do.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.calls: list[LayerCall] = []
        self.leaves: list[Tensor] = []
        self._weights = weights
        self._joint: list[JointCall] = []
        self._stages = OutputStages()
        self._seen: list[Tensor] = []
        self._kept: dict[int, Tensor] = {}
        self._batch: int | None = None

    def values(self, tensor: Tensor) -> Tensor:
        """Values of the inputs, outputs or activated outputs of a call when it was made."""
        return self._kept.get(id(tensor), tensor)

    def join(self) -> None:
        """Add a call for each group of layers that read one tensor, before the first of them, as if they were one."""
        for name, members in common_inputs(self.calls):
            joint = JointCall.of(name, members, self.values)
            self._joint.append(joint)
            self.calls.insert(self.calls.index(members[0]), joint.call)

    def backward(self, outputs: Tensor, direction: Tensor) -> None:
        """Send the gradients of <direction, outputs> to the calls; the graph stays for further directions."""
        torch.autograd.grad(outputs, self.leaves, direction, retain_graph=True, allow_unused=True)
        for joint in self._joint:
            joint.deliver()

    def release(self) -> None:
        """Forget all tensors, so that the memory of a batch is free before the next one."""
        for call in self.calls:
            call.on_gradient = call.on_part = None
        for held in (self.calls, self.leaves, self._joint, self._seen, self._stages, self._kept):
            held.clear()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note the call if it is one of a layer or of its nonlinearity, and make it."""
        kwargs = kwargs or {}
        target = args[0] if args else kwargs.get("input")
        if func is functional.multi_head_attention_forward:
            with self._attention(args, kwargs):
                return _attention_forward(*args, **kwargs)
        if overwrites(func, kwargs):
            self._keep(target)
        linear = linear_call(func, args, kwargs)
        result = func(*args, **kwargs)
        name = None if linear is None else self._weights.name_of(linear.weight)
        if linear is not None and name is not None:
            return self._note(name, linear, result)
        if ended := self._stages.follow(func, args, kwargs, result):
            activated = self._see(_in_rows(result, next(iter(ended))))
            for call, activation in ended.items():
                call.activation, call.activated = activation, activated
        return result

    @contextmanager
    def _attention(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        query = args[0] if args else kwargs["query"]
        before, self._batch = self._batch, query.shape[1] if query.ndim == 3 else None
        try:
            with self:
                yield
        finally:
            self._batch = before

    def _note(self, name: str, linear: Linear, outputs: Tensor) -> Tensor:
        if torch.is_grad_enabled() and not outputs.requires_grad:
            leaf = outputs.detach().requires_grad_()
            self.leaves.append(leaf)
            outputs = leaf.clone()  # a leaf could not be overwritten by what follows
        linear = replace(linear, inputs=self._see(linear.inputs))
        call = LayerCall(
            name,
            linear,
            self._see(outputs),
            self._batch,
            source_of(linear.inputs),
            lambda: linear.matrix(linear.weight.detach()),
            self._weights.sharded(name, linear.weight, linear.matrix),
        )
        if outputs.requires_grad:
            outputs.register_hook(call.receive)  # type: ignore[no-untyped-call]
            if call.sharded:
                outputs = outputs.clone()  # whose hook gathers the weight before that of the call is served
        self.calls.append(call)
        self._stages.begin(outputs, call)
        return outputs

    def _see(self, tensor: Tensor) -> Tensor:
        """Alias of a tensor that :meth:`values` will know as it is now."""
        alias = tensor.detach()
        self._seen.append(alias)
        return alias

    def _keep(self, target: Any) -> None:
        """Copy what is about to be overwritten."""
        if not isinstance(target, Tensor):
            return
        memory = target.untyped_storage().data_ptr()
        for tensor in self._seen:
            if id(tensor) not in self._kept and tensor.untyped_storage().data_ptr() == memory:
                self._kept[id(tensor)] = tensor.clone()


def _in_rows(result: Tensor, call: LayerCall) -> Tensor:
    """Result of a nonlinearity with the rows of the call, whose outputs may have been reshaped before."""
    rows = call.outputs.shape[:-1]
    return result if call.linear.axis != -1 or result.shape[:-1] == rows else result.reshape(*rows, -1)
