"""Reference outputs and gradients of the single ops, in float64 PyTorch.

Reads cases.json beside this file and writes data/<op>.safetensors, one file an op. README.md beside this file describes
the table, the keys and how values are drawn.

    python3 kernels_reference.py            # every op
    python3 kernels_reference.py OP ...     # some of them

Inputs and upstream gradients are rounded to float32 first, so that both sides start from the same numbers; everything
else is float64 until it is written. Tensors are PyTorch's: NCHW activations, OIHW convolution weights, OI for linear.
"""
import functools
import json
import math
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from backbones_reference import kept
from mganet_reference import dice_loss, save_safetensors

HERE = Path(__file__).resolve().parent
LIMIT = 22_000_000  # bytes of all reference data together


# --- the ops: inputs by name and parameters -> outputs by name ------------------------------------------------------

def conv2d(x, weight, bias=None, *, stride, padding, dilation, groups):
    return {"y": F.conv2d(x, weight, bias, stride, padding, dilation, groups)}


def conv2d_cat(weight, bias=None, *, enlarge, padding, **x):
    """A convolution of x0, x1, ... behind each other, some of them at twice their height and width."""
    parts = [x[f"x{i}"] for i in range(len(x))]
    parts = [F.interpolate(t, scale_factor=2, mode="bilinear", align_corners=False) if e else t for t, e in zip(parts, enlarge)]
    return {"y": F.conv2d(torch.cat(parts, 1), weight, bias, padding=padding)}


def batch_norm(x, weight, bias, running_mean, running_var, residual=None, *, training, relu, eps, momentum):
    mean, var = running_mean.clone(), running_var.clone()
    y = F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
    if residual is not None:
        y = y + residual
    out = {"y": F.relu(y) if relu else y, "running_mean": mean, "running_var": var}
    return {**out, "_kink": y} if relu else out


def max_pool2d(x, *, kernel_size, stride, padding):
    return {"y": F.max_pool2d(x, kernel_size, stride, padding)}


def interpolate(x, *, size):
    return {"y": F.interpolate(x, size=size, mode="bilinear", align_corners=False)}


def linear(x, weight, bias=None):
    """Along the last axis; of a map [N,C,H,W], along the channels."""
    y = F.linear(x.movedim(1, -1) if x.dim() == 4 else x, weight, bias)
    return {"y": y.movedim(-1, 1) if x.dim() == 4 else y}


def minmax_normalize(x, *, eps):
    dims = tuple(range(1, x.dim()))
    lo, hi = x.amin(dims, keepdim=True), x.amax(dims, keepdim=True)  # ties share the gradient evenly
    return {"y": (x - lo) / (hi - lo + eps)}


def mga(f, m, weight1=None, bias1=None, weight2=None, bias2=None, *, fusion):
    """m [N,1,H,W] already normalised; the linear layers of the channel weights."""
    if fusion == "spatial":
        return {"y": f + f * m}
    hidden = F.linear((f * m).mean((2, 3)), weight1, bias1)
    a = torch.sigmoid(F.linear(F.relu(hidden), weight2, bias2))[:, :, None, None]
    enhanced = {"channel": f + f * a, "serial": f + f * m * a, "parallel": f + f * m + f * a}
    return {"y": enhanced[fusion], "_kink": hidden}


def class_activation(f, a, *, relu):
    """f [N,C,H,W], a [N,C]: the channels of f added up by the weights a."""
    s = (f * a[:, :, None, None]).sum(1, keepdim=True)
    return {"y": F.relu(s), "_kink": s} if relu and s.abs().max() > 0 else {"y": F.relu(s) if relu else s}


def drop_scale(step, *, n, features, p, layer, seed):
    keep = kept(n, features, p, seed=seed, step=int(step), layer=layer)
    return {"y": keep.double() * float(np.float32(1 / (1 - p)))}


def dropout(x, step, *, p, layer, seed):
    n, *shape = x.shape
    nhwc = [n, *shape[1:], shape[0]] if len(shape) == 3 else list(x.shape)  # values are counted in this order
    keep = kept(n, math.prod(shape), p, seed=seed, step=int(step), layer=layer).reshape(nhwc)
    return {"y": x * (keep.permute(0, 3, 1, 2) if len(shape) == 3 else keep) / (1 - p)}


def stochastic_depth(x, step, *, p, layer, seed):
    keep = kept(x.shape[0], 1, p, seed=seed, step=int(step), layer=layer)
    return {"y": x * keep.reshape(-1, *[1] * (x.dim() - 1)) / (1 - p)}


def channel_mean_max(x):
    return {"y": torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)}  # of ties, the first one


def adam(p, m=None, v=None, *, lr, beta1, beta2, eps, weight_decay, steps, steps_before=0, rule=torch.optim.Adam, **gradients):
    """p after each of `steps` updates with the gradients g0, g1, ...; m and v, if given, are the state after `steps_before`."""
    p = p.clone().requires_grad_(True)
    optimiser = rule([p], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    if steps_before:
        optimiser.state[p] = {"step": torch.tensor(float(steps_before)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    out = after_steps(optimiser, p, steps, gradients)
    state = optimiser.state[p]
    return {**out, "m": state["exp_avg"], "v": state["exp_avg_sq"]}


def sgd(p, *, lr, momentum, dampening, nesterov, weight_decay, steps, **gradients):
    """p after each of `steps` updates, and the momentum after the last where there is any."""
    p = p.clone().requires_grad_(True)
    optimiser = torch.optim.SGD([p], lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=weight_decay)
    out = after_steps(optimiser, p, steps, gradients)
    return {**out, "momentum_buffer": optimiser.state[p]["momentum_buffer"]} if momentum else out


def after_steps(optimiser, p, steps, gradients):
    out = {}
    for i in range(steps):
        p.grad = gradients[f"g{i}"].clone()
        optimiser.step()
        out[f"p{i + 1}"] = p.detach().clone()
    return out


def space_to_depth(x):
    x = x.permute(0, 2, 3, 1)
    return {"y": torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1).permute(0, 3, 1, 2)}


def window_partition(x, *, window, shift):
    """x [N,C,H,W] -> [N windows, window^2, C], padded at the right and the bottom, then moved up and left."""
    n, c, h, w = x.shape
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, -w % window, 0, -h % window))
    x = torch.roll(x, (-shift[0], -shift[1]), (1, 2))
    return {"y": x.reshape(n, x.shape[1] // window, window, x.shape[2] // window, window, c).transpose(2, 3).reshape(-1, window**2, c)}


def window_reverse(x, *, size, window, shift):
    """[N windows, window^2, C] -> [N,C,H,W] of this size."""
    h, w = size
    down, across, c = -(-h // window), -(-w // window), x.shape[-1]
    x = x.reshape(-1, down, across, window, window, c).transpose(2, 3).reshape(-1, down * window, across * window, c)
    return {"y": torch.roll(x, tuple(shift), (1, 2))[:, :h, :w].permute(0, 3, 1, 2)}


def apart(size, window, shift):
    """[windows, T, T]: -100 where two tokens were no neighbours before the shift: torchvision's mask."""
    h, w = (-(-s // window) * window for s in size)
    labels = torch.zeros(h, w)
    for i, rows in enumerate((slice(0, -window), slice(-window, -shift[0]), slice(-shift[0], None)) if shift[0] else (slice(None),)):
        for j, columns in enumerate((slice(0, -window), slice(-window, -shift[1]), slice(-shift[1], None)) if shift[1] else (slice(None),)):
            labels[rows, columns] = 3 * i + j
    labels = labels.reshape(h // window, window, w // window, window).transpose(1, 2).reshape(-1, window**2)
    return -100.0 * (labels[:, :, None] != labels[:, None, :])


def self_attention(x, bias=None, *, heads, shifted):
    b, t, c3 = x.shape
    q, k, v = x.reshape(b, t, 3, heads, c3 // 3 // heads).permute(2, 0, 3, 1, 4)
    s = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    if bias is not None:
        s = s + bias
    if shifted:
        mask = apart(**shifted).to(x.dtype)
        s = s + mask.repeat(b // len(mask), 1, 1)[:, None]
    return {"y": (torch.softmax(s, -1) @ v).transpose(1, 2).flatten(2)}


def relative_position_bias(table, *, window):
    at = torch.arange(window**2)
    y, x = at // window, at % window
    index = (y[:, None] - y[None] + window - 1) * (2 * window - 1) + x[:, None] - x[None] + window - 1
    return {"y": table[index].permute(2, 0, 1)}


def heads_apart(x, *, heads):
    n, t, c = x.shape
    return {"y": x.reshape(n, t, heads, c // heads).transpose(1, 2).reshape(n * heads, t, c // heads)}


def heads_together(x, *, heads):
    b, t, d = x.shape
    return {"y": x.reshape(b // heads, heads, t, d).transpose(1, 2).reshape(b // heads, t, heads * d)}


def matmul(a, b, *, transpose_a, transpose_b):
    return {"y": (a.transpose(1, 2) if transpose_a else a) @ (b.transpose(1, 2) if transpose_b else b)}


def softmax(x, bias=None, *, scale):
    return {"y": torch.softmax(x * scale if bias is None else x * scale + bias, -1)}


# op -> (function, names of the inputs that have no gradient). Optimisers are given gradients, they have none.
OPS = {
    "conv2d": (conv2d, ()),
    "conv2d_cat": (conv2d_cat, ()),
    "batch_norm": (batch_norm, ("running_mean", "running_var")),
    "relu": (lambda x: {"y": F.relu(x)}, ()),
    "sigmoid": (lambda x: {"y": torch.sigmoid(x)}, ()),
    "add": (lambda a, b: {"y": a + b}, ()),
    "mul": (lambda a, b: {"y": a * b}, ()),
    "scale": (lambda x, factor: {"y": x * factor}, ()),
    "max_pool2d": (max_pool2d, ()),
    "interpolate": (interpolate, ()),
    "cat": (lambda **x: {"y": torch.cat([x[f"x{i}"] for i in range(len(x))], 1)}, ()),
    "global_avg_pool": (lambda x: {"y": x.mean((2, 3))}, ()),
    "avg_pool2d": (lambda x, kernel_size, stride, padding: {"y": F.avg_pool2d(x, kernel_size, stride, padding)}, ()),
    "adaptive_avg_pool2d": (lambda x, size: {"y": F.adaptive_avg_pool2d(x, size)}, ()),
    "global_max_pool": (lambda x: {"y": x.flatten(2).max(2)[0]}, ()),  # of ties, the first one
    "linear": (linear, ()),
    "minmax_normalize": (minmax_normalize, ()),
    "mga": (mga, ()),
    "class_activation": (class_activation, ()),
    "drop_scale": (drop_scale, ("step",)),
    "dropout": (dropout, ("step",)),
    "stochastic_depth": (stochastic_depth, ("step",)),
    "channel_mean_max": (channel_mean_max, ()),
    "mul_samples": (lambda x, s: {"y": x * s.reshape(-1, *[1] * (x.dim() - 1))}, ()),
    "mul_channels": (lambda x, s: {"y": x * s[:, :, None, None]}, ()),
    "mul_map": (lambda x, m: {"y": x * m}, ()),
    "cross_entropy": (lambda logits, label: {"y": F.cross_entropy(logits, label)}, ("label",)),
    "dice_loss": (lambda prob, target, smooth: {"y": dice_loss(prob, target, smooth)}, ("target",)),
    "bce_with_logits": (lambda x, target: {"y": F.binary_cross_entropy_with_logits(x, target)}, ("target",)),
    "sum": (lambda x: {"y": x.sum()}, ()),
    "mean": (lambda x: {"y": x.mean()}, ()),
    "adam": (adam, None),
    "adamw": (functools.partial(adam, rule=torch.optim.AdamW), None),
    "sgd": (sgd, None),
    "gelu": (lambda x: {"y": F.gelu(x)}, ()),
    "layer_norm": (lambda x, weight, bias, eps: {"y": F.layer_norm(x, x.shape[-1:], weight, bias, eps)}, ()),
    "space_to_depth": (space_to_depth, ()),
    "window_partition": (window_partition, ()),
    "window_reverse": (window_reverse, ()),
    "prepend_token": (lambda x, token, positions: {"y": torch.cat([token.expand(len(x), 1, -1), x], 1) + positions}, ()),
    "first_token": (lambda x: {"y": x[:, 0]}, ()),
    "heads_apart": (heads_apart, ()),
    "heads_together": (heads_together, ()),
    "head_mean": (lambda x, heads: {"y": x.reshape(-1, heads, *x.shape[1:]).mean(1)}, ()),
    "matmul": (matmul, ()),
    "softmax": (softmax, ()),
    "self_attention": (self_attention, ()),
    "relative_position_bias": (relative_position_bias, ()),
}

# What an input holds unless its case says otherwise: "op.input", then "input", then a standard normal.
DEFAULT_VALUES = {
    "conv2d.x": {"normal": [0.3, 1]},
    "batch_norm.x": {"normal": [0.5, 1.5], "spread": 1},
    "running_mean": {"normal": [0.2, 1]},
    "running_var": {"uniform": [0.5, 2]},
    "adam.p": {"normal": [0, 0.001]},  # small, so that the update shows
    "adamw.p": {"normal": [0, 0.1]},  # and large enough for its decay to show
    "sgd.p": {"normal": [0, 0.1]},
    "mga.m": {"uniform": [0, 1]},
    "mga.f": {"normal": [0.5, 1]},
    "mga.weight2": {"normal": [0, 0.5]},
    "prob": {"uniform": [0, 1]},
    "target": {"binary": 0.4},
}

SCALAR_DY = 1.7  # upstream gradient of an output that is one number


# --- drawing values -------------------------------------------------------------------------------------------------

def draw(shape, spec, gen):
    spec = dict(spec)
    put, spread = spec.pop("put", []), spec.pop("spread", 0)
    ((kind, arg),) = spec.items()
    normal = lambda s: torch.randn(s, generator=gen, dtype=torch.float64)
    uniform = lambda: torch.rand(shape, generator=gen, dtype=torch.float64)
    if kind == "labels":
        return torch.randint(0, arg, shape, generator=gen)
    if kind == "integers":
        return torch.tensor(arg)
    if kind == "normal":
        t = arg[0] + arg[1] * normal(shape)
    elif kind == "uniform":
        t = arg[0] + (arg[1] - arg[0]) * uniform()
    elif kind == "grid":      # multiples of a step, so that values tie
        low, high, step = arg
        t = low + step * torch.floor(uniform() * (round((high - low) / step) + 1))
    elif kind == "magnitude":  # powers of ten, either sign
        t = 10 ** (arg[0] + (arg[1] - arg[0]) * uniform()) * torch.sign(uniform() - 0.5)
    elif kind == "binary":
        t = (uniform() < arg).double()
    elif kind == "constant":
        t = torch.full(shape, float(arg), dtype=torch.float64)
    elif kind == "list":
        t = torch.tensor(arg, dtype=torch.float64).reshape(shape)
    else:
        raise SystemExit(f"unknown values {kind}")
    if spread:                # an offset of each channel's own
        t = t + spread * normal([1, shape[1]] + [1] * (len(shape) - 2))
    for index, value in put:
        t.view(-1)[index] = value
    return t.float().double()


def values_of(op, name, case):
    if name in case.get("values", {}):
        return case["values"][name]
    if OPS[op][1] is None and name.startswith("g"):
        return case.get("values", {}).get("g", {"normal": [0, 1]})
    return DEFAULT_VALUES.get(f"{op}.{name}", DEFAULT_VALUES.get(name, {"normal": [0, 1]}))


def draw_inputs(op, case):
    """The inputs; drawn again while a value comes so close to ReLU's kink that float32 may fall on its other side."""
    function = OPS[op][0]
    for attempt in range(1000):
        gen = torch.Generator().manual_seed(zlib.crc32(f"{op}/{case['name']}/{attempt}".encode()))
        inputs = {name: draw(shape, values_of(op, name, case), gen) for name, shape in case["in"].items()}
        kink = function(**inputs, **case.get("params", {})).get("_kink")
        if kink is None or kink.abs().min() > case.get("kink_margin", 2e-4) * kink.abs().mean():
            return inputs, gen
    raise SystemExit(f"{op}/{case['name']}: no inputs away from the kink")


# --- computing and writing ------------------------------------------------------------------------------------------

def evaluate(op, case, inputs, dy, dtype):
    """Outputs and gradients by key, computed in dtype."""
    function, constant = OPS[op]
    leaves = {k: t.to(dtype) if t.is_floating_point() else t for k, t in inputs.items()}
    wanted = [k for k in leaves if constant is not None and k not in constant]
    for k in wanted:
        leaves[k].requires_grad_(True)
    outputs = {k: t for k, t in function(**leaves, **case.get("params", {})).items() if k != "_kink"}
    result = {f"out.{k}": t.detach() for k, t in outputs.items()}
    if wanted:
        grads = torch.autograd.grad(outputs["y"], [leaves[k] for k in wanted], dy.to(dtype))
        result.update({f"grad.{k}": g for k, g in zip(wanted, grads)})
    return result


def run_case(op, case):
    inputs, gen = draw_inputs(op, case)
    y = OPS[op][0](**inputs, **case.get("params", {})).get("y")
    dy = None
    if y is not None:
        dy = torch.tensor(SCALAR_DY, dtype=torch.float64) if y.dim() == 0 else torch.randn(y.shape, generator=gen, dtype=torch.float64)
        dy = dy.float().double()
    exact, single = (evaluate(op, case, inputs, dy, dtype) for dtype in (torch.float64, torch.float32))
    for key, t in exact.items():
        assert torch.isfinite(t).all(), f"{op}/{case['name']}: {key} is not finite"
    errors = {k: float((single[k].double() - t).norm() / max(t.norm().item(), 1e-30)) for k, t in exact.items()}
    tensors = {f"in.{k}": t for k, t in inputs.items()}
    if dy is not None:
        tensors["dy.y"] = dy
    tensors.update(exact)
    name = case["name"]
    return {f"{name}.{k}": t for k, t in tensors.items()}, {f"{name}.{k}": float(f"{e:.1e}") for k, e in errors.items()}


def main():
    torch.set_num_threads(1)
    table = json.loads((HERE / "cases.json").read_text())["ops"]
    assert set(table) == set(OPS), f"cases.json and this script differ in {set(table) ^ set(OPS)}"
    folder = HERE / "data"
    folder.mkdir(exist_ok=True)
    for op in sys.argv[1:] or table:
        names = [case["name"] for case in table[op]]
        assert len(set(names)) == len(names) and not any("." in n for n in names), names
        tensors, errors = {}, {}
        for case in table[op]:
            more, error = run_case(op, case)
            tensors.update(more)
            errors.update(error)
        path = folder / f"{op}.safetensors"
        save_safetensors(path, tensors, {"op": op, "torch": torch.__version__, "float32_error": json.dumps(errors)})
        worst = max(errors, key=errors.get)
        print(f"{op}: {len(names)} cases, {path.stat().st_size / 1e3:.0f} kB, float32 PyTorch within {errors[worst]:.1e} ({worst})")
    total = sum(p.stat().st_size for p in folder.iterdir())
    print(f"data/: {total / 1e6:.2f} MB")
    if total > LIMIT:
        raise SystemExit(f"data/ is above its {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
