"""Writes test/reference/data/torch: files of torch.save, old and new, and what is in them (expected.json).

    python3 test/reference/torch_files_reference.py

Needs PyTorch 1.13 or later and NumPy.
"""

import argparse
import json
import pathlib
from collections import OrderedDict

import numpy
import torch

OUT = pathlib.Path(__file__).parent / "data" / "torch"
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
expected = {}


def draw(*shape):
    """Numbers of few digits, which every type of float holds exactly."""
    return (torch.randn(*shape) * 8).round() / 8


def described(tensor):
    values = tensor.detach().to(torch.float64).flatten().tolist()
    return {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "values": values}


def save(name, value, tensors, **options):
    torch.save(value, OUT / name, **options)
    expected[name] = {key: described(tensor) for key, tensor in tensors.items()}


def every_dtype():
    torch.manual_seed(0)
    return OrderedDict(
        (f"layer.{name.lower()}", (draw(2, 3) * 8).abs().to(dtype)) for dtype, name in DTYPES.items()
    )


def windows():
    """Views of one storage, and what strides can say."""
    torch.manual_seed(1)
    base = draw(4, 5, 6)
    return {
        "whole": base,
        "turned": base.permute(2, 0, 1),
        "slice": base[1:3, ::2, 1:],
        "row": base[2, 3],
        "one": base[3, 4, 5],
        "repeated": base[:1, :1, :3].expand(2, 2, 3),
        "empty": base[:0],
        "tied": base,
        "parameter": torch.nn.Parameter(base[0].t()),
        "channels_last": draw(2, 3, 2, 2).to(memory_format=torch.channels_last),
    }


def network():
    torch.manual_seed(2)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Linear(3, 2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(draw(*parameter.shape))
    return net


def checkpoint():
    """As torchvision's training script leaves one."""
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    net.eval()(torch.ones(1, 1, 5, 5)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(draw(*parameter.shape))
    state = {f"module.{name}": tensor for name, tensor in net.state_dict().items()}
    return state, {
        "epoch": 3,
        "model": OrderedDict(state),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, data="x"),
        "best": numpy.float64(0.5),
        "names": {"a", "b"},
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "big": 2**70,
    }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in (False, True):
        form = "old" if old else "zip"
        options = {"_use_new_zipfile_serialization": not old}
        save(f"dtypes-{form}.pth", every_dtype(), every_dtype(), **options)
        save(f"windows-{form}.pth", windows(), windows(), **options)
        state, whole = checkpoint()
        bare = {name[len("module.") :]: tensor for name, tensor in state.items()}
        save(f"checkpoint-{form}.pth", whole, bare, **options)
    for protocol in (3, 4, 5):
        save(f"protocol-{protocol}.pth", network().state_dict(), network().state_dict(), pickle_protocol=protocol)
    (OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))

    # Without randomness, so that it can be written by itself.
    torch.save({"ema": {"w": torch.tensor([1.0, 2.0])}, "model": {"w": torch.tensor([3.0, 4.0])}, "epoch": 3}, OUT / "several.pth")

    # What is refused.
    torch.save(network(), OUT / "refused-module.pth")
    torch.jit.save(torch.jit.script(network()), OUT / "refused-torchscript.pth")
    torch.save({"w": torch.eye(2).to_sparse()}, OUT / "refused-sparse.pth")
    torch.save({"w": torch.quantize_per_tensor(torch.eye(2), 0.1, 0, torch.qint8)}, OUT / "refused-quantised.pth")
    torch.save({"w": torch.zeros(2, dtype=torch.complex64)}, OUT / "refused-complex.pth")
    torch.save({"settings": {"w": torch.zeros(2)}}, OUT / "refused-nested.pth")
    torch.save([torch.zeros(2)], OUT / "refused-list.pth")


if __name__ == "__main__":
    main()
