"""DICOM files of every photometric interpretation and transfer syntax that go together, and what they look like.

Files are made with pydicom, DCMTK and GDCM; the expected pixels are DCMTK's (of JPEG 2000, GDCM's decoder and DCMTK's
rendering). Files without loss are also rendered here by numpy, straight from the samples, and must agree with DCMTK
within a level. Writes data/dicom/files.json beside this file, and the files themselves to a folder that is named.
README.md describes it.

    apt-get install -y --no-install-recommends python3-pydicom python3-numpy python3-pil dcmtk libgdcm-tools
    /usr/bin/python3 test/reference/dicom_reference.py [FOLDER]
"""
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

OUT = Path(__file__).resolve().parent / "data" / "dicom" / "files.json"
TMP = Path(tempfile.mkdtemp())
WIDTH, HEIGHT = 37, 23
MOST_BYTES = 1_000_000
files = {}
shown_levels = []


def picture(width, height, frame=0):
    """Speckle, a dark ellipse and a bright bar, 0 to 1."""
    random = np.random.default_rng(7 + frame)
    y, x = np.mgrid[0:height, 0:width]
    grey = 0.25 + 0.5 * x / width + 0.08 * random.standard_normal((height, width))
    inside = ((x - 14 - 2 * frame) / 8) ** 2 + ((y - 11) / 6) ** 2 < 1
    grey[inside] *= 0.4
    grey[1:3, 3:20] = 1
    grey[4, 4] = 0
    return np.clip(grey, 0, 1)


def coloured(grey):
    """A colour picture of the same shapes: smooth differences between the channels."""
    y, x = np.mgrid[0 : grey.shape[0], 0 : grey.shape[1]]
    tint = np.stack([x / grey.shape[1], y / grey.shape[0], 1 - x / grey.shape[1]], axis=-1)
    return np.clip(0.75 * grey[..., None] + 0.25 * tint, 0, 1)


def to_ybr(rgb):
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb = -0.168736 * r - 0.331264 * g + 0.5 * b + 128
    cr = 0.5 * r - 0.418688 * g - 0.081312 * b + 128
    return np.clip(np.rint(np.stack([y, cb, cr], axis=-1)), 0, 255).astype(np.uint8)


def from_ybr(ybr):
    y, cb, cr = (ybr[..., i].astype(float) for i in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.clip(np.rint(rgb), 0, 255)


def write(name, photometric, samples, **attributes):
    """A native file of explicit little endian. `samples`: frames, rows, columns, and channels of colours."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1" if len(samples) == 1 else "1.2.840.10008.5.1.4.1.1.3.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.ImplementationClassUID = "1.2.3"
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.4.1", "1.2.3.4.2"
    ds.Modality = "US"
    ds.PatientName, ds.PatientID = "", ""
    ds.Rows, ds.Columns = samples.shape[1:3]
    if len(samples) > 1:
        ds.NumberOfFrames = len(samples)
    colour = photometric.startswith(("RGB", "YBR"))
    ds.PhotometricInterpretation = photometric
    ds.SamplesPerPixel = 3 if colour else 1
    bits = 8 * samples.dtype.itemsize
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(samples.dtype.kind == "i")
    if colour:
        ds.PlanarConfiguration = 0
    if attributes.pop("planar", False):
        ds.PlanarConfiguration = 1
        samples = np.moveaxis(samples, -1, 1)
    data = samples.tobytes()
    if photometric == "YBR_FULL_422":
        pairs = samples.reshape(-1, 2, 3)
        data = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=-1).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    for key, value in attributes.items():
        setattr(ds, key, value)
    file = TMP / f"{name}.dcm"
    ds.save_as(file, write_like_original=False)
    return file


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        print(" ".join(result.stderr.split())[:200])
    return result.returncode == 0


def frames_of(file, count, options):
    """Frames as DCMTK shows them: rows, columns, and three channels of colours."""
    frames = []
    for i in range(1, count + 1):
        target = TMP / "shown.pnm"
        target.unlink(missing_ok=True)
        if not run("dcmj2pnm", "--write-raw-pnm", "+F", i, *options, file, target):
            return None
        frames.append(np.array(Image.open(target)))
    return np.stack(frames)


def keep(name, file, count, tolerance, shown_of=None, options=(), truth=None):
    """Keeps a file and what it must look like; `truth` is numpy's opinion of a file without loss."""
    shown = frames_of(shown_of or file, count, options)
    assert shown is not None, f"{name}: no reference"
    if truth is not None:
        worst = np.abs(shown.astype(int) - truth).max()
        assert worst <= tolerance, f"{name}: numpy and DCMTK differ by {worst}"
    if len(sys.argv) > 1:
        shutil.copy(file, Path(sys.argv[1]) / f"{name}.dcm")
    levels = packed(shown.astype(np.uint8).tobytes())
    if levels not in shown_levels:
        shown_levels.append(levels)
    files[name] = {
        "file": packed(Path(file).read_bytes()),
        "frames": count,
        "height": shown.shape[1],
        "width": shown.shape[2],
        "channels": 3 if shown.ndim == 4 else 1,
        "tolerance": tolerance,
        "levels": shown_levels.index(levels),
    }


def packed(data):
    return base64.b64encode(zlib.compress(data, 9)).decode()


SYNTAXES = {
    "explicit": lambda a, b: run("dcmconv", "+te", a, b),
    "implicit": lambda a, b: run("dcmconv", "+ti", a, b),
    "big-endian": lambda a, b: run("dcmconv", "+tb", a, b),
    "deflated": lambda a, b: run("dcmconv", "+td", a, b),
    "rle": lambda a, b: run("dcmcrle", a, b),
    "jpeg-lossless": lambda a, b: run("dcmcjpeg", "+e1", a, b),
    "jpeg-lossless-14": lambda a, b: run("dcmcjpeg", "+el", "+sv", "6", a, b),
    "jpeg-ls": lambda a, b: run("dcmcjpls", "+el", a, b),
    "jpeg-2000": lambda a, b: run("gdcmconv", "--j2k", a, b),
}
LOSSY = {
    "jpeg-baseline": lambda a, b: run("dcmcjpeg", "+eb", "+q", "90", a, b),
    "jpeg-extended": lambda a, b: run("dcmcjpeg", "+ee", "+q", "90", a, b),
    "jpeg-baseline-fragments": lambda a, b: run("dcmcjpeg", "+eb", "+fs", "1", "-ot", a, b),
    "jpeg-baseline-444": lambda a, b: run("dcmcjpeg", "+eb", "+s4", a, b),
    "jpeg-baseline-rgb": lambda a, b: run("dcmcjpeg", "+eb", "+cr", a, b),
    "jpeg-ls-near": lambda a, b: run("dcmcjpls", "+en", "+md", "2", a, b),
    "jpeg-2000-lossy": lambda a, b: run("gdcmconv", "--j2k", "--lossy", "-q", "60", a, b),
}


def keep_bits(source, decoded):
    """GDCM writes that all bits allocated are stored, whatever the file said."""
    said, ds = dcmread(source), dcmread(decoded)
    ds.BitsStored, ds.HighBit = said.BitsStored, said.HighBit
    ds.save_as(decoded)


def every(kind, file, count, truth, only=None, options=(), offsets=()):
    """The file in every transfer syntax that there is an encoder for."""
    for syntax, convert in {**SYNTAXES, **LOSSY}.items():
        if only and syntax not in only:
            continue
        target = TMP / f"{kind}-{syntax}.dcm"
        if not convert(file, target):
            print(f"{kind}: no {syntax}")
            continue
        lossy = syntax in LOSSY
        shown_of = target
        if "2000" in syntax:
            shown_of = TMP / "raw.dcm"
            assert run("gdcmconv", "--raw", target, shown_of)
            keep_bits(target, shown_of)
        if "jpeg-ls" in syntax:
            shown_of = TMP / "raw.dcm"
            assert run("dcmdjpls", target, shown_of)
        # DCMTK adds up rounded parts of green, which makes two levels of it.
        exact = 2 if kind.startswith("ybr") else 1
        keep(f"{kind}-{syntax}", target, count, 3 if lossy else exact, shown_of, options, None if lossy else truth)


def lut(data, first, bits):
    item = Dataset()
    item.LUTDescriptor = [len(data) % 65536, first, bits]
    item.add_new(0x00283006, "OW", np.asarray(data, dtype="<u2").tobytes())
    return Sequence([item])


def palette(bits, count):
    """Red, green and blue tables: black, red, yellow, white."""
    t = np.arange(count) / (count - 1)
    tables = [np.clip(3 * t - i, 0, 1) * (2**bits - 1) for i in range(3)]
    return [np.rint(table).astype(np.uint16) for table in tables]


def palette_attributes(tables, bits):
    attributes = {}
    for colour, table in zip(("Red", "Green", "Blue"), tables):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [len(table) % 65536, 0, bits]
        attributes[f"{colour}PaletteColorLookupTableData"] = table.astype("<u2").tobytes()
    return attributes


def main():
    grey = picture(WIDTH, HEIGHT)[None]
    two = np.stack([picture(WIDTH, HEIGHT, 0), picture(WIDTH, HEIGHT, 1)])
    eight = np.rint(255 * grey).astype(np.uint8)
    eight_two = np.rint(255 * two).astype(np.uint8)
    sixteen = np.rint(65535 * grey).astype(np.uint16)
    twelve = np.rint(4095 * grey).astype(np.uint16)
    to8 = lambda values, white: np.rint(values.astype(float) * 255 / white).astype(int)
    in12 = {"BitsStored": 12, "HighBit": 11}

    every("mono2-8", write("a", "MONOCHROME2", eight), 1, eight.astype(int))
    every("mono1-8", write("a", "MONOCHROME1", eight), 1, 255 - eight.astype(int))
    every("mono2-8-frames", write("a", "MONOCHROME2", eight_two), 2, eight_two.astype(int))
    every("mono2-12", write("a", "MONOCHROME2", twelve, **in12), 1, to8(twelve, 4095))
    every("mono1-12", write("a", "MONOCHROME1", twelve, **in12), 1, 255 - to8(twelve, 4095))
    every("mono2-16", write("a", "MONOCHROME2", sixteen), 1, to8(sixteen, 65535))
    every("mono1-16", write("a", "MONOCHROME1", sixteen), 1, 255 - to8(sixteen, 65535))
    signed = (sixteen.astype(int) - 32768).astype(np.int16)
    every("signed-16", write("a", "MONOCHROME2", signed), 1, to8(sixteen, 65535))

    index = np.rint(199 * grey).astype(np.uint8)
    tables = palette(16, 200)
    colours = np.stack([table[index] for table in tables], axis=-1)
    every("palette-8", write("a", "PALETTE COLOR", index, **palette_attributes(tables, 16)), 1, to8(colours, 65535))
    index = np.rint(999 * grey).astype(np.uint16)
    tables = palette(16, 1000)
    colours = np.stack([table[index] for table in tables], axis=-1)
    attributes = palette_attributes(tables, 16)
    every("palette-16", write("a", "PALETTE COLOR", index, **attributes), 1, to8(colours, 65535), ["explicit", "big-endian", "rle", "jpeg-lossless"])

    rgb = np.rint(255 * coloured(grey[0])).astype(np.uint8)[None]
    rgb_two = np.stack([np.rint(255 * coloured(frame)).astype(np.uint8) for frame in two])
    rgb16 = np.rint(65535 * coloured(grey[0])).astype(np.uint16)[None]
    every("rgb-8", write("a", "RGB", rgb), 1, rgb.astype(int))
    some = ["explicit", "big-endian", "rle", "jpeg-ls", "jpeg-lossless", "jpeg-2000", "jpeg-baseline"]
    every("rgb-8-planar", write("a", "RGB", rgb, planar=True), 1, rgb.astype(int), some)
    every("rgb-8-frames", write("a", "RGB", rgb_two), 2, rgb_two.astype(int))
    every("rgb-16", write("a", "RGB", rgb16), 1, to8(rgb16, 65535), ["explicit", "big-endian", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
    ybr = to_ybr(rgb)
    every("ybr-full-8", write("a", "YBR_FULL", ybr), 1, from_ybr(ybr))
    every("ybr-full-8-planar", write("a", "YBR_FULL", ybr, planar=True), 1, from_ybr(ybr), some)
    even = to_ybr(np.rint(255 * coloured(picture(36, HEIGHT))).astype(np.uint8))[None]
    halved = even.copy()
    halved[:, :, 1::2, 1:] = halved[:, :, ::2, 1:]
    every("ybr-full-422", write("a", "YBR_FULL_422", halved), 1, from_ybr(halved))

    # What the stages do, in the order of the standard, by DCMTK's opinion.
    shapes = {"VOILUTFunction": "SIGMOID"}
    explicit = ["explicit"]
    window = {"WindowCenter": "1800", "WindowWidth": "900"}
    every("window-linear", write("a", "MONOCHROME2", twelve, **in12, **window), 1, None, explicit, ["+Wi", 1])
    every("window-several", write("a", "MONOCHROME1", twelve, **in12, WindowCenter=["1800", "9"], WindowWidth=["900", "3"]), 1, None, explicit, ["+Wi", 1])
    every("window-sigmoid", write("a", "MONOCHROME2", twelve, **in12, **window, **shapes), 1, None, explicit, ["+Wi", 1])
    rescaled = {"RescaleSlope": "0.5", "RescaleIntercept": "-1024", "WindowCenter": "-300", "WindowWidth": "700"}
    every("window-rescaled", write("a", "MONOCHROME2", twelve, **in12, **rescaled), 1, None, [*explicit, "implicit", "big-endian"], ["+Wi", 1])
    curve = np.rint(4095 * np.sqrt(np.arange(4096) / 4095))
    every("voi-lut", write("a", "MONOCHROME2", twelve, **in12, VOILUTSequence=lut(curve, 0, 12)), 1, None, [*explicit, "implicit", "big-endian"], ["+Wl", 1])
    modality = lut(np.rint(65535 * np.sqrt(np.arange(4096) / 4095)), 0, 16)
    modality[0].ModalityLUTType = "US"
    every("modality-lut", write("a", "MONOCHROME2", twelve, **in12, ModalityLUTSequence=modality), 1, None, explicit)
    every("inverse", write("a", "MONOCHROME2", eight, PresentationLUTShape="INVERSE"), 1, None, explicit)
    every("inverse-mono1", write("a", "MONOCHROME1", eight, PresentationLUTShape="INVERSE"), 1, None, explicit)
    noise = np.random.default_rng(3).integers(0, 16, twelve.shape).astype(np.uint16)
    every("overlay-bits", write("a", "MONOCHROME2", twelve | (noise << 12), **in12), 1, to8(twelve, 4095), ["explicit", "big-endian", "rle"])
    high = {"BitsStored": 12, "HighBit": 15}
    every("high-bit", write("a", "MONOCHROME2", (twelve << 4) | noise, **high), 1, to8(twelve, 4095), ["explicit", "rle"])
    signed12 = ((twelve.astype(int) - 2048) & 4095).astype(np.uint16).view(np.int16)
    every("signed-12", write("a", "MONOCHROME2", signed12, **in12), 1, to8(twelve, 4095), ["explicit", "rle"])
    small = palette(8, 200)
    index = np.rint(199 * grey).astype(np.uint8)
    attributes = palette_attributes(small, 8)
    for colour, table in zip(("Red", "Green", "Blue"), small):
        attributes[f"{colour}PaletteColorLookupTableData"] = table.astype(np.uint8).tobytes()
    colours = np.stack([table[index] for table in small], axis=-1).astype(int)
    every("palette-8-bits", write("a", "PALETTE COLOR", index, **attributes), 1, colours, explicit)

    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"files": files, "levels": shown_levels}, indent=0) + "\n")
    print(f"{len(files)} files, {OUT.stat().st_size} bytes")
    assert OUT.stat().st_size < MOST_BYTES


main()
