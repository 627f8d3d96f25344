"""Reference steps of torch.optim's optimisers in float64, with groups, clipping and parameters without a gradient; and learning-rate schedules.

Writes data/optimizers.safetensors and data/schedules.json beside this file. README.md describes them.

    python3 optim_reference.py
"""
import json
from pathlib import Path

import torch
from torch.optim import SGD, Adam, AdamW, lr_scheduler

from mganet_reference import save_safetensors

HERE = Path(__file__).resolve().parent
SHAPES = {"a": [5, 3], "b": [7], "c": [3, 2, 2]}  # 34 values, none of the sizes a multiple of 8, two none of 4
SCALES = [1, 0.1, 3, 0.01]  # of the gradients of each step: with a clip of 1, those of every other one are clipped
RULES = {"Adam": Adam, "AdamW": AdamW, "SGD": SGD}
STATE = ("exp_avg", "exp_avg_sq", "momentum_buffer")

# name -> (rule, options, clip, options of the group of b, of that of c; parameters without a gradient). Options are torch.optim's.
CASES = {
    "adam-clip": ("Adam", {"lr": 0.01}, 1, None, None, ""),
    "adam-no-clip": ("Adam", {"lr": 0.01, "weight_decay": 0.05}, 1000, None, None, ""),
    "adam-groups": ("Adam", {"lr": 0.01, "weight_decay": 0.05}, None, {"lr": 0.03, "weight_decay": 0}, None, ""),
    "adam-all": ("Adam", {"lr": 0.01, "weight_decay": 0.05}, 1, {"lr": 0.03}, {"weight_decay": 0, "betas": [0.5, 0.9]}, ""),
    "adam-unused": ("Adam", {"lr": 0.01, "weight_decay": 0.05}, 1, None, None, "b"),
    "adamw-clip": ("AdamW", {"lr": 0.01, "weight_decay": 0.1}, 1, None, None, ""),
    "adamw-all": ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "eps": 0.001}, 1, {"lr": 0.03, "weight_decay": 0.5}, None, "c"),
    "sgd-clip": ("SGD", {"lr": 0.1, "weight_decay": 0.1}, 1, None, None, ""),
    "sgd-momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}, 1, None, None, ""),
    "sgd-groups": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}, None, {"lr": 0.02, "momentum": 0}, None, ""),
    "sgd-nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, 1, {"lr": 0.02, "weight_decay": 0}, None, "a"),
}  # fmt: skip


def flat(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def run(case, start, gradients):
    """Parameters after each step, the norms before clipping, and the state after the last step (0 where a parameter has none)."""
    rule, options, clip, of_b, of_c, unused = case
    values = {name: t.clone().requires_grad_(True) for name, t in start.items()}
    own = {name: group for name, group in {"b": of_b, "c": of_c}.items() if group is not None}
    groups = [{"params": [t for name, t in values.items() if name not in own]}]
    groups += [{"params": [values[name]], **group} for name, group in own.items()]
    optimiser = RULES[rule](groups, **options)
    steps, norms = [], []
    for gradient in gradients:
        for name, t in values.items():
            t.grad = None if name in unused else gradient[name].clone()
        if clip is not None:
            norms.append(torch.nn.utils.clip_grad_norm_(values.values(), clip))
        optimiser.step()
        steps.append(flat(values.values()))
    out = {"p": torch.stack(steps)}
    if norms:
        out["norm"] = torch.stack(norms)
    for key in STATE:
        kept = [optimiser.state[t].get(key) for t in values.values()]
        if any(t is not None for t in kept):
            out[key] = flat([torch.zeros_like(t) if k is None else k for t, k in zip(values.values(), kept)])
    return out


def schedules():
    """The learning rates of 20 steps, from a rate of 1."""
    makers = {
        "stepLR": lambda o: lr_scheduler.StepLR(o, step_size=6, gamma=0.3),
        "exponentialLR": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
        "cosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=0.1),
        "cosineAnnealingLR, periodic": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=8),
        "linearWarmup": lambda o: lr_scheduler.LinearLR(o, start_factor=0.25, total_iters=5),
        "linearWarmup, cosineAnnealingLR": lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, total_iters=5), lr_scheduler.CosineAnnealingLR(o, T_max=15)], milestones=[5]
        ),
    }
    rates = {}
    for name, make in makers.items():
        optimiser = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = make(optimiser)
        rates[name] = []
        for _ in range(20):
            rates[name].append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
    return rates


def main():
    gen = torch.Generator().manual_seed(1)
    draw = lambda shape, scale: (scale * torch.randn(shape, generator=gen, dtype=torch.float64)).float().double()
    start = {name: draw(shape, 0.1) for name, shape in SHAPES.items()}
    gradients = [{name: draw(shape, scale) for name, shape in SHAPES.items()} for scale in SCALES]
    tensors = {"p": flat(start.values()), "g": torch.stack([flat(g.values()) for g in gradients])}
    for name, case in CASES.items():
        tensors.update({f"{name}.{key}": t for key, t in run(case, start, gradients).items()})
    keys = ("rule", "options", "clip", "b", "c", "unused")
    cases = {name: dict(zip(keys, case)) for name, case in CASES.items()}
    path = HERE / "data" / "optimizers.safetensors"
    save_safetensors(path, tensors, {"shapes": json.dumps(SHAPES), "cases": json.dumps(cases), "torch": torch.__version__})
    (HERE / "data" / "schedules.json").write_text(json.dumps(schedules()) + "\n")
    print(f"{len(cases)} cases, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
