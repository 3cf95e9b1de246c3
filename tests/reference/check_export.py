#!/usr/bin/python3
"""Runs what `sanlcl export` wrote and compares it with values that the program or
make_golden.py stored.

  check_export.py onnx MODEL TENSORS       in ONNX Runtime
  check_export.py torch WEIGHTS TENSORS    in PyTorch, loaded strictly into
                                           sanl_reference.py's or torchvision's model

TENSORS is a safetensors file with `image` (normalised) and any of coarse0..3, fine,
cam4..32, logits, as `sanlcl predict --dump-tensors` or make_golden.py (eval.NAME)
write.
Every output must be within 1e-4 of its stored value, for values above 1 relative to
the largest.  Exit codes: 0 all are, 1 not, 3 a module is missing.
"""
import json, re, struct, sys
import numpy as np

TOLERANCE = 1e-4
MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]


def load(path):
    """Tensors and metadata of a safetensors file."""
    kinds = {"F32": "<f4", "I64": "<i8"}
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(length))
        data = f.read()
    metadata = head.pop("__metadata__", {})
    return {k: np.frombuffer(data[slice(*v["data_offsets"])], kinds[v["dtype"]]).reshape(v["shape"])
            for k, v in head.items()}, metadata


def compare(stored, outputs):
    """Ends the program where an output deviates too much."""
    worst = 0.0
    for name, got in outputs.items():
        want = stored.get("eval." + name, stored.get(name))
        assert want is not None, f"no stored value of {name}"
        assert got.shape == want.shape, f"{name}: {got.shape}, expected {want.shape}"
        deviation = float(np.abs(got - want).max() / max(1.0, np.abs(want).max()))
        print(f"{name} {deviation:.2e}", end="  ")
        worst = max(worst, deviation)
    print(f"worst {worst:.2e}", flush=True)
    if not worst <= TOLERANCE:
        sys.exit(f"an output deviates by {worst:g}, which is more than {TOLERANCE:g}")


def check_onnx(model, tensors):
    import onnx
    import onnxruntime
    onnx.checker.check_model(model, full_check=True)
    stored, _ = load(tensors)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    image = (stored["image"] * STD + MEAN).astype(np.float32)
    run = lambda x: dict(zip(names, session.run(None, {"image": x})))
    compare(stored, run(image))
    compare({k: v[:1] for k, v in stored.items() if v.ndim and len(v) == len(image)}, run(image[:1]))


def check_torch(weights, tensors):
    import torch
    import torchvision
    from sanl_reference import SanlClassifier, SanlNet
    values, metadata = load(weights)
    stored, _ = load(tensors)
    config = dict(re.findall(r"^  (\w+): (\S+)$", metadata["config"], re.M))
    sanl = re.search(r"^  sanl:\n((?:    .*\n)*)", metadata["config"], re.M)[1]
    sanl = {k: int(v) if v.isdigit() else {"true": True, "false": False}.get(v, v)
            for k, v in re.findall(r"^    (\w+): (\S+)$", sanl, re.M)}
    if metadata["kind"] == "landmark":
        net = SanlNet(config["backbone"], config["block"], int(config["landmarks"]), int(config["width"]),
                      config["fine"] == "true", **sanl)
    elif config["block"] != "none":
        sanl.pop("place")
        net = SanlClassifier(config["backbone"], config["block"], int(config["classes"]), **sanl)
    else:
        net = getattr(torchvision.models, config["backbone"])(num_classes=int(config["classes"]))
    net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in values.items()}, strict=True)
    net.eval()
    image = torch.from_numpy(stored["image"].copy())
    with torch.no_grad():
        cams = [torch.from_numpy(stored[f"cam{s}"].copy()) for s in (4, 8, 16, 32) if f"cam{s}" in stored]
        if metadata["kind"] != "landmark":
            guided = config["block"] != "none"
            return compare(stored, {"logits": (net(image, cams) if guided else net(image)).numpy()})
        coarse, fine = net(image, cams or [torch.ones(1)] * 4)
    outputs = {f"coarse{i}": c.numpy() for i, c in enumerate(coarse)}
    if fine is not None:
        outputs["fine"] = fine.numpy()
    compare(stored, outputs)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("onnx", "torch"):
        sys.exit(__doc__)
    try:
        {"onnx": check_onnx, "torch": check_torch}[sys.argv[1]](*sys.argv[2:])
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
