"""Writes the ImageNet logits of efficientnet-lite0 to lite2 on a made image, for tests/integration/lite.rs.

    python scripts/make_lite_vectors.py FOLDER tests/fixtures/lite/logits.npy

FOLDER holds the .pth files that scripts/setup.sh fetches (weights/). Needs PyTorch, NumPy and the package
efficientnet-lite-pytorch 0.1.0, whose networks these weights were converted for.
"""
import sys

import numpy
import torch
from efficientnet_lite_pytorch import EfficientNet

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def image(side: int) -> torch.Tensor:
    """A pattern of whole numbers that any language makes alike, as 0..1."""
    c, y, x = numpy.meshgrid(numpy.arange(3), numpy.arange(side), numpy.arange(side), indexing="ij")
    values = (7 * y + 13 * x + 29 * c + x * y) % 256
    return torch.from_numpy(values.astype(numpy.float32) / 255)


def logits(folder: str, name: str) -> numpy.ndarray:
    net = EfficientNet.from_name(name)
    net.load_state_dict(torch.load(f"{folder}/{name}-imagenet.pth", weights_only=True))
    net.eval()
    normalised = (image(net.input_image_size) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    with torch.no_grad():
        return net(normalised[None])[0].numpy()


if __name__ == "__main__":
    folder, out = sys.argv[1:]
    numpy.save(out, numpy.stack([logits(folder, f"efficientnet-lite{size}") for size in range(3)]))
