#!/usr/bin/python3
"""Writes the files of tests/data/pth/ and, for a test of its own, turns a safetensors file into PyTorch's.

  make_pth.py OUT_DIR                   the small files; *_1.pth by PyTorch 1, all others by PyTorch 2
  make_pth.py --convert IN ZIP LEGACY   float32 tensors of safetensors as a state_dict in both forms; in ZIP
                                        as a training script would, and after going through torchvision's
                                        ResNet-18 where that is at hand

In the small files value k (row-major) of a tensor is (k + first) / 8; first is 0 unless tests/unit/test_pth.c
says otherwise.
"""
import argparse, collections, json, os, pickle, struct, sys, warnings, zipfile
import numpy as np
import torch

warnings.filterwarnings("ignore")


def ramp(*shape, dtype=torch.float32, first=0):
    count = int(np.prod(shape))
    values = (torch.arange(count, dtype=torch.float64) + first) / 8
    return values.reshape(shape).to(dtype)


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(2)
        for value in self.state_dict().values():
            value.copy_(ramp(*value.shape, dtype=value.dtype))


def save(path, value, zip_form=True, protocol=2):
    torch.save(value, path, _use_new_zipfile_serialization=zip_form, pickle_protocol=protocol)


def training():
    """What a training script saves of a model that has made a step."""
    model = Small()
    parallel = torch.nn.DataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0, momentum=0.9)
    model.bn1(model.conv1(torch.ones(2, 1, 3, 3))).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])
    state = {"module." + name: value for name, value in Small().state_dict().items()}
    assert state.keys() == parallel.state_dict().keys()
    return state, optimizer.state_dict(), schedule.state_dict()


def checkpoints(out):
    state, optimizer, schedule = training()
    args = argparse.Namespace(lr=0.1, milestones=[2, 3], device=torch.device("cpu"), resume="", world=None)
    rest = {"epoch": 3, "args": args, "best": np.float64(0.5), "seeds": {1, 2}, "raw": b"\xff\x00",
            "big": 1 << 70, "losses": [0.5, None, True, -3, -(1 << 40)]}
    save(out + "checkpoint.pth", {"optimizer": optimizer, "lr_scheduler": schedule, **rest, "model": state})
    save(out + "checkpoint_legacy.pth", {"epoch": 3, "arch": "resnet18", "best_acc1": torch.tensor(0.5),
                                         "state_dict": state, "optimizer": optimizer}, False)
    save(out + "checkpoint_deep.pth", {"model": {"model_state_dict": state, "name": "x"}}, protocol=4)


TYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16,
         "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8,
         "BOOL": torch.bool}


def views():
    base = ramp(24)
    turned = ramp(2, 2, 3, dtype=torch.float64).permute(2, 0, 1).contiguous().permute(1, 2, 0)
    strided = torch.zeros(3, 10)[:, 1::3]
    strided.copy_(ramp(3, 3))
    return {
        "base": base,
        "tail": base[4:],
        "middle": base[6:18].reshape(3, 4),
        "half": base.to(torch.float16)[8:],
        "transposed": ramp(3, 5).t().contiguous().t(),
        "channels_last": ramp(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "turned": turned,
        "strided": strided,
        "scalar": ramp(1)[0],
        "empty": torch.zeros(0, 3),
        "one": ramp(1, 1, 1, 1),
        "expanded": torch.zeros(1).expand(4),
        "parameter": torch.nn.Parameter(ramp(2, 2)),
    }


def rezip(source, target, method=zipfile.ZIP_STORED, rename=lambda name: name, change={}):
    with zipfile.ZipFile(source) as a, zipfile.ZipFile(target, "w", method) as b:
        for entry in a.infolist():
            content = change.get(entry.filename.split("/", 1)[-1], a.read(entry))
            info = zipfile.ZipInfo(rename(entry.filename))
            info.compress_type = method
            b.writestr(info, content)


def old(path):
    """As PyTorch 0.1.12 under Python 2 wrote: lists of pairs, short strings, parameters with a state."""
    def text(s):
        return b"U" + bytes([len(s)]) + s

    def tensor(key, count, shape, strides):
        def numbers(values):
            return b"(" + b"".join(b"K" + bytes([v]) for v in values) + b"t"
        storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(key) + text(b"cpu") + \
            b"K" + bytes([count]) + b"NtQ"
        return b"ctorch._utils\n_rebuild_tensor\n(" + storage + b"K\0" + numbers(shape) + \
            numbers(strides) + b"tR"

    def parameter(of):
        hooks = b"ccollections\nOrderedDict\n]\x85R"
        return b"ctorch.nn.parameter\nParameter\n" + of + b"\x85R\x88\x89" + hooks + b"\x87b"

    item = b"](" + text(b"conv1.weight") + parameter(tensor(b"7", 6, [2, 3], [3, 1])) + b"e" + \
        b"](" + text(b"bn1.running_mean") + tensor(b"30", 3, [3], [1]) + b"e"
    body = b"\x80\x02ccollections\nOrderedDict\n](" + item + b"e\x85R}" + text(b"_metadata") + b"}sb."
    with open(path, "wb") as f:
        for value in (0x1950a86a20f9469cfc6c, 1001, dict(protocol_version=1001, little_endian=True,
                                                         type_sizes=dict(short=2, int=4, long=4))):
            f.write(pickle.dumps(value, 2))
        f.write(body)
        f.write(pickle.dumps(["30", "7"], 2))
        f.write(struct.pack("<q3f", 3, 0, 1 / 8, 2 / 8))
        f.write(struct.pack("<q6f", 6, *(k / 8 for k in range(6))))


def write_all(out):
    state = Small().state_dict()
    if torch.__version__.startswith("1."):
        save(out + "zip_1.pth", state)
        save(out + "legacy_1.pth", state, False)
        save(out + "views_1.pth", views())
        return
    save(out + "zip.pth", state)
    save(out + "zip_protocol4.pth", state, protocol=4)
    save(out + "legacy.pth", state, False)
    save(out + "legacy_protocol4.pth", state, False, 4)
    checkpoints(out)
    types = {name: ramp(3, dtype=dtype) for name, dtype in TYPES.items()}
    save(out + "types.pth", types)
    save(out + "types_legacy.pth", types, False)
    save(out + "views.pth", views())
    save(out + "views_legacy.pth", views(), False)
    rezip(out + "views.pth", out + "deflated.pth", zipfile.ZIP_DEFLATED)
    rezip(out + "zip.pth", out + "flat.pth", rename=lambda name: name.split("/", 1)[1])
    rezip(out + "zip.pth", out + "big_endian.pth", change={"byteorder": b"big"})
    rezip(out + "zip.pth", out + "bzip2.pth", zipfile.ZIP_BZIP2)
    rezip(out + "zip.pth", out + "short_storage.pth", change={"data/0": b"1234"})
    torch.serialization.set_crc32_options(False)
    save(out + "unchecked.pth", state)
    old(out + "old.pth")


def convert(source, zip_path, legacy_path):
    with open(source, "rb") as f:
        content = f.read()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    state = collections.OrderedDict()
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(content[start + begin:start + end], "<f4")
            state[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    save(legacy_path, state, False)
    try:
        import torchvision
    except ImportError:
        print("without torchvision")
    else:
        model = torchvision.models.resnet18(num_classes=len(state["fc.bias"]))
        left = model.load_state_dict(state, strict=False)
        assert not left.unexpected_keys, left
        assert all(name.endswith("num_batches_tracked") for name in left.missing_keys), left
        state = model.state_dict()
    save(zip_path, {"epoch": 1, "state_dict": {"module." + name: value for name, value in state.items()}})


if len(sys.argv) == 5 and sys.argv[1] == "--convert":
    convert(*sys.argv[2:])
elif len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
    os.makedirs(sys.argv[1], exist_ok=True)
    write_all(os.path.join(sys.argv[1], ""))
else:
    sys.exit(__doc__)
