"""A TensorBoard event file written by its published formats: TFRecord framing, CRC-32C (RFC 3720), protocol buffers.

Writes data/tensorboard.json beside this file: epochs, their times, and the file's bytes in hexadecimal.

    python3 tensorboard_reference.py
"""
import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent


def crc32c(data):
    """Unreflected long division, then mirrored: another way than the table's."""
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):  # least significant first
            top = (crc >> 31) ^ ((byte >> bit) & 1)
            crc = ((crc << 1) & 0xFFFFFFFF) ^ (0x1EDC6F41 if top else 0)
    return int(f"{crc:032b}"[::-1], 2) ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n % 128 + 128])
        n //= 128
    return out + bytes([n])


def length_delimited(number, data):
    return bytes([number * 8 + 2]) + varint(len(data)) + data


def value(tag, number):  # Summary.Value { tag = 1; simple_value = 2 }
    return length_delimited(1, tag.encode()) + bytes([2 * 8 + 5]) + struct.pack("<f", number)


def event(time, step, values):  # Event { wall_time = 1; step = 2; summary = 5 }
    summary = b"".join(length_delimited(1, value(tag, number)) for tag, number in values)
    return bytes([1 * 8 + 1]) + struct.pack("<d", time) + bytes([2 * 8]) + varint(step) + length_delimited(5, summary)


def main():
    confusion = {"tp": 3, "fp": 1, "fn": 0, "tn": 2}
    validation = {"images": 6, "dice": 0.75, "iou": 0.625, "accuracy": 5 / 6, "auc": 0.9, "f1": 6 / 7, "confusion": confusion}
    epochs = [
        {"stage": "segmentation", "epoch": 1, "step": 5, "lr": 1e-3, "loss": 0.5, "seconds": 2.5, "imagesPerSecond": 16.25},
        {"stage": "joint", "epoch": 300, "step": 70000, "lr": 1e-4, "loss": 1.5, "cls": 1.25, "seg": 0.125, "seconds": 4, "imagesPerSecond": 8, "validation": validation},
    ]
    times = [1763000000.25, 1763000004.5]
    data = record(bytes([1 * 8 + 1]) + struct.pack("<d", times[0]) + length_delimited(3, b"brain.Event:2"))
    for epoch, time in zip(epochs, times):
        names = [name for name in ("loss", "cls", "seg", "lr", "imagesPerSecond") if name in epoch]
        values = [(f"{epoch['stage']}/{name}", epoch[name]) for name in names]
        found = epoch.get("validation", {})
        values += [(f"validation/{name}", found[name]) for name in ("dice", "iou", "accuracy", "auc", "f1") if name in found]
        data += record(event(time, epoch["step"], values))
    (HERE / "data" / "tensorboard.json").write_text(json.dumps({"epochs": epochs, "times": times, "file": data.hex()}) + "\n")


if __name__ == "__main__":
    main()
