"""Reference steps of a small network of which parts are in evaluation mode, and of penalties on weights, in float64.

Writes data/modes.safetensors beside this file. README.md describes it.

    python3 modes_reference.py
"""
import json
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.optim import SGD

from mganet_reference import save_safetensors

HERE = Path(__file__).resolve().parent
STEPS, BATCH, SIDE, CLASSES, LR = 5, 4, 5, 3, 0.1


def network():
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(2, 4, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(4), act1=nn.ReLU(),
        conv2=nn.Conv2d(4, 6, 3, padding=1, bias=False), bn2=nn.BatchNorm2d(6), act2=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(6, CLASSES),
    )).double()  # fmt: skip


def classified(net, image, label):
    return nn.functional.cross_entropy(net(image), label)


def penalty(net):
    return sum((w**2).sum() for w in (net.conv1.weight, net.fc.weight))


def penalised(net, image, label):
    return classified(net, image, label) + 0.05 * penalty(net)


# name -> (the loss; what is trained, by the beginnings of names; what is done to the modes before which step, from 0)
CASES = {
    "trained": (classified, [""], {}),
    "bn1-eval": (classified, [""], {0: lambda net: net.bn1.eval()}),
    "all-eval": (classified, [""], {0: lambda net: net.eval()}),
    "part-frozen": (classified, ["fc", "bn2"], {0: lambda net: [m.eval() for m in (net.conv1, net.bn1)]}),
    "only-statistics-move": (classified, ["fc"], {}),
    "changed-midway": (classified, [""], {2: lambda net: net.eval(), 3: lambda net: (net.train(), net.bn2.eval())}),
    "penalty": (penalised, [""], {}),
    "penalty-alone": (lambda net, image, label: penalty(net), ["conv1", "fc.weight"], {}),
}


def run(case, start, images, labels):
    loss_of, trained, changes = case
    net = network()
    net.load_state_dict(start)
    optimiser = SGD([p for n, p in net.named_parameters() if any(n.startswith(t) for t in trained)], lr=LR)
    losses = []
    for step, (image, label) in enumerate(zip(images, labels)):
        if step in changes:
            changes[step](net)
        loss = loss_of(net, image, label)
        net.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    out = {"losses": torch.stack(losses)}
    out.update({f"after.{n}": t.detach() for n, t in net.state_dict().items() if t.is_floating_point()})
    net.eval()
    out["logits"] = net(images[0]).detach()
    return out


def main():
    gen = torch.Generator().manual_seed(3)
    draw = lambda *shape: torch.randn(shape, generator=gen, dtype=torch.float64).float().double()
    start = {n: 0.5 * draw(*t.shape) if t.is_floating_point() else t for n, t in network().state_dict().items()}
    for n in start:
        if n.endswith("running_var"):
            start[n] = (start[n].abs() + 0.5).float().double()
    images = draw(STEPS, BATCH, 2, SIDE, SIDE)
    labels = torch.randint(0, CLASSES, (STEPS, BATCH), generator=gen)
    tensors = {"image": images, "label": labels.int()}
    tensors.update({f"init.{n}": t for n, t in start.items() if t.is_floating_point()})
    for name, case in CASES.items():
        tensors.update({f"{name}.{key}": t for key, t in run(case, start, images, labels).items()})
    path = HERE / "data" / "modes.safetensors"
    save_safetensors(path, tensors, {"cases": json.dumps(list(CASES)), "lr": str(LR), "torch": torch.__version__})
    print(f"{len(CASES)} cases, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
