"""The plain ResNet34 classifier in PyTorch, float64: what src/models/resnet34 must agree with.

    python3 resnet34_reference.py --selfcheck      # width 1 is torchvision's resnet34: names, shapes and outputs
    python3 resnet34_reference.py OUT_DIR          # writes the cases listed at the bottom

Needs PyTorch; the self-check torchvision, too (Debian: python3-torch, python3-torchvision). The case files are those of
mganet_reference.py without masks: `train.loss` is [total], and all ten steps train the whole network.
"""
import sys
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from mganet_reference import ResNet, save_safetensors, smooth_noise


class ResNet34(ResNet):
    """Image -> class logits [N, 2]; state-dict names are torchvision's."""

    def __init__(self, width=1.0):
        super().__init__((3, 4, 6, 3), width)
        self.fc = nn.Linear(self.channels[4], 2)

    def forward(self, x):
        return self.fc(self.scales(x)[4].mean((2, 3)))


def selfcheck():
    import torchvision

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    ours, theirs = ResNet34(), torchvision.models.resnet34(num_classes=2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 96, 64)
    for train in (False, True):
        ours.train(train), theirs.train(train)
        error = (ours(x) - theirs(x)).abs().max().item()
        assert error < 1e-12, error
    print(f"torchvision {torchvision.__version__}: the same names, shapes and outputs")


def write_case(path, build, model, settings, *, seed, size, batch, steps=10, lr=1e-4):
    """Writes a case of a classifier of two classes. `build` makes it; `settings` are the model's own, for the metadata."""
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    gen = torch.Generator().manual_seed(seed + 1)
    h, w = size
    net = build()
    # Exact in float32, so that both sides start from the same numbers.
    image = smooth_noise(batch, 1, h, w, gen).repeat(1, 3, 1, 1).float().double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.float().double())
    label = torch.tensor([i % 2 for i in range(batch)])
    t = {"in.image": image, "in.label": label}
    t.update({f"init.{k}": v.clone() for k, v in net.state_dict().items() if "num_batches" not in k})
    net.train()
    saved = {k: v.clone() for k, v in net.state_dict().items()}
    logits = net(image)
    loss = F.cross_entropy(logits, label)
    loss.backward()
    t.update({"train.logits": logits, "train.loss": loss[None]})
    t.update({f"grad.{k}": p.grad.clone() for k, p in net.named_parameters()})
    net.load_state_dict(saved)
    losses = []
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(image), label)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    t["steps.losses"] = torch.stack(losses)
    net.eval()
    with torch.no_grad():
        t["eval.logits"] = net(image)
    meta = dict(model=model, seed=seed, **settings, height=h, width_px=w, batch=batch, lr=lr, joint_steps=steps,
                adam="beta1 0.9, beta2 0.999, eps 1e-8", torch=torch.__version__)
    save_safetensors(path, t, meta)
    print(f"{path}: steps {[round(l.item(), 5) for l in losses]}, {path.stat().st_size / 1e6:.2f} MB, margin {margin(net, image, saved):.1e}")


def margin(net, image, state):
    """By how much all gradients, as one vector, move when image and parameters change by 1e-6 of themselves: large where a
    ReLU lies at its kink, where right implementations differ by as much. The worst of four changes."""
    def gradients(scale, seed):
        gen = torch.Generator().manual_seed(seed)
        noisy = lambda v: v * (1 + scale * torch.randn(v.shape, generator=gen, dtype=torch.float64)) if v.is_floating_point() else v
        net.load_state_dict({k: noisy(v) for k, v in state.items()})
        net.train()
        net.zero_grad()
        label = torch.tensor([i % 2 for i in range(image.shape[0])])
        F.cross_entropy(net(noisy(image)), label).backward()
        return torch.cat([p.grad.flatten() for p in net.parameters()])
    exact = gradients(0, 0)
    return max(((gradients(1e-6, s) - exact).norm() / exact.norm()).item() for s in range(1, 5))


# A seed with which no ReLU lies at its kink (`margin`): 4e-5; with others it is up to 3e-2.
CASES = {"plain": dict(seed=6, width=1 / 16, size=(96, 64), batch=3)}

if __name__ == "__main__":
    if sys.argv[1] == "--selfcheck":
        selfcheck()
    else:
        out = Path(sys.argv[1])
        out.mkdir(parents=True, exist_ok=True)
        seeds = [int(s) for s in sys.argv[2:]]
        for name, case in CASES.items():
            for seed in seeds or [case["seed"]]:
                width = case["width"]
                write_case(out / f"resnet34-{name}.safetensors", lambda: ResNet34(width), "resnet34", dict(width=width),
                           seed=seed, size=case["size"], batch=case["batch"])
