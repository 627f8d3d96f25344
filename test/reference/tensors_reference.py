#!/usr/bin/env python3
"""Arithmetic with broadcasting, reductions, shapes and matrix products by PyTorch in float64: values and gradients.

    /usr/bin/python3 test/reference/tensors_reference.py

writes data/tensors.json. Inputs are drawn by a formula (`drawn`), which the test computes, too; results are stored as float32 in base64.
"""

import base64
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F


def drawn(shape, stream, offset=0.0, span=1.0):
    """Values within offset +- span, as float32."""
    i = np.arange(math.prod(shape))
    unit = ((i * 7919 + (stream + 1) * 104729) % 2003) / 1001.5 - 1
    return torch.from_numpy((offset + span * unit).astype(np.float32).astype(np.float64)).reshape(shape)


# name: (shapes of a, b, ...; function; then offset and span of the inputs)
CASES = {
    "add bias of channels": ([[2, 2, 1, 5], [5]], lambda a, b: a + b),
    "add both ways": ([[3, 1, 4], [2, 1]], lambda a, b: a + b),
    "add scalar tensor": ([[7], [1]], lambda a, b: a + b),
    "add outer, in fours": ([[2, 1, 8], [3, 1]], lambda a, b: a + b),
    "sub": ([[2, 3], [4, 2, 1]], lambda a, b: a - b),
    "sub same shape": ([[3, 5], [3, 5]], lambda a, b: a - b),
    "sub from number": ([[3, 5]], lambda a: 2.5 - a),
    "mul per sample": ([[2, 3, 2, 3], [2, 1, 1, 1]], lambda a, b: a * b),
    "mul per channel": ([[2, 2, 3, 5], [2, 1, 1, 5]], lambda a, b: a * b),
    "mul per pixel": ([[2, 2, 3, 1], [2, 2, 3, 4]], lambda a, b: a * b),
    "mul shared channels": ([[2, 3, 3, 4], [1, 1, 1, 4]], lambda a, b: a * b),
    "mul columns by rows": ([[5, 1], [1, 6]], lambda a, b: a * b),
    "mul by itself": ([[2, 5]], lambda a: a * a),
    "div": ([[2, 3, 4], [3, 1]], lambda a, b: a / b, 2, 1.5),
    "div same shape": ([[3, 3], [3, 3]], lambda a, b: a / b, 2, 1.5),
    "div of number": ([[2, 5]], lambda a: 3 / a, 2, 1.5),
    "div by number": ([[2, 5]], lambda a: a / -7),
    "add and mul numbers": ([[3, 3]], lambda a: (a + 1e-3) * -2),
    "neg": ([[7]], lambda a: -a),
    "exp": ([[3, 7]], torch.exp, 0, 5),
    "log": ([[3, 7]], torch.log, 3, 2.9),
    "sqrt": ([[3, 7]], torch.sqrt, 3, 2.9),
    "abs": ([[3, 7]], torch.abs),
    "tanh": ([[3, 7]], torch.tanh, 0, 4),
    "tanh small": ([[3, 7]], torch.tanh, 0, 0.3),
    "tanh large": ([[3, 7]], torch.tanh, 0, 60),
    "sigmoid": ([[3, 7]], torch.sigmoid, 0, 6),
    "gelu": ([[3, 7]], F.gelu, 0, 4),
    "relu": ([[3, 7]], torch.relu),
    "clamp": ([[3, 7]], lambda a: a.clamp(-0.5, 0.25)),
    "clamp below": ([[3, 7]], lambda a: a.clamp(max=0.1)),
    "pow 3": ([[3, 5]], lambda a: a.pow(3)),
    "pow -2": ([[3, 5]], lambda a: a.pow(-2), 2, 1.5),
    "pow 0": ([[3, 5]], lambda a: a.pow(0)),
    "pow 19": ([[3, 5]], lambda a: a.pow(19), 0, 1.5),
    "pow 0.5": ([[3, 5]], lambda a: a.pow(0.5), 2, 1.5),
    "pow 2.3": ([[3, 5]], lambda a: a.pow(2.3), 2, 1.5),
    "sum all": ([[3, 5, 3]], lambda a: a.sum()),
    "sum first": ([[3, 3, 4]], lambda a: a.sum(0)),
    "sum last": ([[3, 2, 7]], lambda a: a.sum(-1)),
    "sum middle kept": ([[2, 5, 4]], lambda a: a.sum(1, keepdim=True)),
    "sum outer and inner": ([[3, 2, 5, 2]], lambda a: a.sum((0, 2))),
    "sum long": ([[130, 1]], lambda a: a.sum(0), 1, 1),
    "sum of one axis": ([[5]], lambda a: a.sum(0)),
    "mean all": ([[3, 13]], lambda a: a.mean()),
    "mean pixels": ([[2, 3, 2, 5]], lambda a: a.mean((1, 2))),
    "mean last kept": ([[2, 3, 5]], lambda a: a.mean(-1, keepdim=True)),
    "amax last": ([[3, 2, 5]], lambda a: a.amax(-1)),
    "amax first": ([[3, 4]], lambda a: a.amax(0, keepdim=True)),
    "amax long, ties": ([[130]], lambda a: (a * 4).round().div(4).amax(0)),
    "max": ([[3, 4, 2]], lambda a: a.max()),
    "softmax": ([[3, 5]], lambda a: a.softmax(-1), 0, 3),
    "softmax of channels": ([[2, 5, 3]], lambda a: a.softmax(1), 0, 3),
    "permute to channels first": ([[2, 3, 2, 5]], lambda a: a.permute(0, 3, 1, 2)),
    "permute, last stays": ([[2, 3, 2, 4]], lambda a: a.permute(2, 0, 1, 3)),
    "transpose": ([[3, 5]], lambda a: a.transpose(0, 1)),
    "transpose in fours": ([[1, 4, 8]], lambda a: a.transpose(-1, -2)),
    "expand": ([[3, 1]], lambda a: a.expand(2, 3, 5)),
    "reshape": ([[2, 3, 5]], lambda a: a.reshape(5, -1)),
    "flatten": ([[2, 3, 2, 2]], lambda a: a.flatten(1, 2)),
    "squeeze and unsqueeze": ([[2, 1, 3]], lambda a: a.squeeze(1).unsqueeze(-1)),
    "views between": ([[2, 6], [3, 4]], lambda a, b: (a.reshape(3, 4) * b).reshape(-1) + a.reshape(12)),
    "matmul": ([[3, 5], [5, 2]], torch.matmul),
    "matmul, many by one": ([[2, 2, 3, 5], [5, 3]], torch.matmul),
    "matmul, batches": ([[2, 3, 5], [2, 5, 2]], torch.matmul),
    "matmul, one by many": ([[3, 5], [2, 5, 2]], torch.matmul),
    "matmul, broadcast": ([[2, 1, 3, 4], [3, 4, 2]], torch.matmul),
    "standardised": ([[4, 7]], lambda a: (a - a.mean(-1, keepdim=True)) / ((a - a.mean(-1, keepdim=True)).pow(2).mean(-1, keepdim=True) + 1e-2).sqrt()),
    "mse": ([[3, 5], [3, 5]], F.mse_loss),
    "l1": ([[3, 5], [3, 5]], F.l1_loss),
    "mse, summed": ([[3, 5], [3, 5]], lambda a, b: F.mse_loss(a, b, reduction="sum")),
    "l1, each": ([[3, 5], [3, 5]], lambda a, b: F.l1_loss(a, b, reduction="none")),
    "log softmax": ([[3, 5]], lambda a: F.log_softmax(a, 1), 0, 20),
    "nll": ([[4, 5]], lambda a: F.nll_loss(a, torch.tensor([4, 0, 2, 2]))),
    "upsample nearest": ([[2, 2, 3, 3]], lambda a: F.interpolate(a.permute(0, 3, 1, 2), scale_factor=(2, 3), mode="nearest").permute(0, 2, 3, 1)),
    "flatten of a map": ([[2, 2, 3, 4]], lambda a: a.permute(0, 3, 1, 2).flatten(1)),
}


def packed(tensor):
    return base64.b64encode(tensor.detach().contiguous().numpy().astype("<f4").tobytes()).decode()


def main():
    result = {}
    for name, (shapes, f, *range_) in CASES.items():
        offset, span = range_ or (0, 1)
        inputs = [drawn(shape, k, offset, span).requires_grad_() for k, shape in enumerate(shapes)]
        if "ties" in name:
            # Rounding has no gradient: the inputs themselves have ties.
            inputs = [((x * 4).round() / 4).detach().requires_grad_() for x in inputs]
            f = lambda a: a.amax(0)
        y = f(*inputs)
        y.backward(drawn(y.shape, 9).reshape(y.shape))
        result[name] = {
            **{"in": shapes, "offset": offset, "span": span, "shape": list(y.shape), "y": packed(y)},
            "grads": [packed(x.grad) for x in inputs],
        }
    path = pathlib.Path(__file__).parent / "data" / "tensors.json"
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in result.items())
    path.write_text("{\n" + lines + "\n}\n")
    print(f"{path}: {len(result)} cases, {path.stat().st_size} bytes")


main()
