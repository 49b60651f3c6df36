"""DeepfakeBench's network and crop, built from what is known of them, to compare `sbi` with.

    deepfakebench_peer.py weights OUT.pth --seed 1 --classes 2       a made weight file of theirs
    deepfakebench_peer.py scores FILE.pth CROP.png ...               softmax[1] of each crop, one a line
    deepfakebench_peer.py crops VIDEO SBI_FRAMES SBI_LANDMARKS MODEL.dat
                                                                     compares `sbi preprocess --layout deepfakebench`

Needs requirements.txt and scikit-image. Nothing of their code is here: efficientnet_pytorch with a stem without padding,
dlib, scikit-image's similarity transform, OpenCV's warp.
"""
import argparse
import pathlib

import cv2
import numpy as np
import torch
from efficientnet_pytorch import EfficientNet
from torch import nn

SIDE = 256
TEMPLATE = [(30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041)]
FIVE = [37, 44, 30, 49, 55]
HALF, IMAGENET = ([0.5] * 3, [0.5] * 3), ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


class Backbone(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        self.efficientnet = EfficientNet.from_name("efficientnet-b4")
        self.efficientnet._conv_stem = nn.Conv2d(3, 48, kernel_size=3, stride=2, bias=False)
        self.efficientnet._fc = nn.Identity()
        self.last_layer = nn.Linear(1792, classes)

    def forward(self, x):
        features = self.efficientnet.extract_features(x)
        return self.last_layer(nn.functional.adaptive_avg_pool2d(features, 1).flatten(1))


class Detector(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        self.backbone = Backbone(classes)

    def forward(self, x):
        return self.backbone(x)


def filled(model: nn.Module, seed: int) -> nn.Module:
    """Random weights of a size at which activations neither vanish nor explode, running statistics that fit an input."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                bound = (3 / parameter[0].numel()) ** 0.5
                parameter.uniform_(-bound, bound, generator=generator)
            else:
                parameter.add_(0.2 * torch.rand(parameter.shape, generator=generator))
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None  # the mean over all passes, so that signals keep their size
        network = model.backbone.efficientnet
        network._global_params = network._global_params._replace(drop_connect_rate=0)  # it would spoil the statistics
        model.train()
        for _ in range(4):
            model(2 * smooth(8, generator))
        for norm in norms:
            norm.momentum = 0.01
        # Scores near 0 or 1 would hide differences: logits get a spread of about 1.
        logits = model.eval()(2 * smooth(16, generator))
        last = model.backbone.last_layer
        last.weight /= logits.std(dim=0).mean()
        last.bias -= model(2 * smooth(16, generator)).mean(dim=0)
    return model


def smooth(count: int, generator: torch.Generator) -> torch.Tensor:
    """Images of light and colour that change slowly, with a little noise: nearer to faces than white noise, -1 to 1."""
    coarse = torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1
    images = nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic")
    return (images + 0.05 * torch.randn(images.shape, generator=generator)).clamp(-1, 1)


def write_weights(args):
    model = filled(Detector(args.classes), args.seed)
    prefix = "module." if args.module else ""
    torch.save({prefix + name: tensor for name, tensor in model.state_dict().items()}, args.file)


def print_scores(args):
    state = torch.load(args.file, map_location="cpu", weights_only=True)
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    model = Detector(len(state["backbone.last_layer.bias"])).eval()
    model.load_state_dict(state, strict=True)
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET if args.imagenet else HALF))
    for path in args.crops:
        image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        if image.shape[:2] != (SIDE, SIDE):
            image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        x = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        with torch.no_grad():
            print(f"{model(((x - mean) / deviation)[None]).softmax(1)[0, 1].item():.9f}", path)


def compare_crops(args):
    import dlib
    from skimage.transform import SimilarityTransform

    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(args.model)
    target = (np.array(TEMPLATE) + [8, 0]) * SIDE / 112
    target = (target + 0.15 * SIDE) / 1.3
    points_of = lambda image, face: np.array([(p.x, p.y) for p in predictor(image, face).parts()])

    def crop(frame):
        faces = detector(frame, 1)
        if not faces:
            return None
        five = points_of(frame, max(faces, key=lambda face: face.width() * face.height()))[FIVE]
        transform = SimilarityTransform()
        transform.estimate(five.astype(float), target)
        aligned = cv2.warpAffine(frame, transform.params[:2], (SIDE, SIDE))
        swapped = np.ascontiguousarray(aligned[..., ::-1])
        again = detector(swapped, 1)
        return (aligned, points_of(swapped, again[0])) if again else None

    capture = cv2.VideoCapture(args.video)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(np.linspace(0, count - 1, 32, endpoint=True, dtype=int).tolist())
    equal, differing, dropped, wrong = 0, [], 0, []
    for index in range(count):
        ok, bgr = capture.read()
        if not ok:
            break
        if index not in wanted:
            continue
        made = crop(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        image, points = (pathlib.Path(args.frames) / f"{index:03}.png", pathlib.Path(args.landmarks) / f"{index:03}.npy")
        if made is None or not image.exists():
            dropped += made is None
            wrong += [index] if (made is None) == image.exists() else []
            continue
        ours = cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB)
        count_of = len(made[1])
        if (ours == made[0]).all() and (np.load(points)[:count_of] == made[1]).all():
            equal += 1
        else:
            off = np.abs(ours.astype(int) - made[0])
            points_off = np.abs(np.load(points)[:count_of] - made[1]).max()
            differing.append((index, int(off.max()), float((off > 0).mean()), int(points_off)))
    print(f"{args.video}: {equal} equal, {dropped} without a crop in both, differing {differing}, only one has {wrong}")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    weights = commands.add_parser("weights")
    weights.add_argument("file")
    weights.add_argument("--seed", type=int, default=1)
    weights.add_argument("--classes", type=int, default=2)
    weights.add_argument("--module", action="store_true")
    weights.set_defaults(run=write_weights)
    scores = commands.add_parser("scores")
    scores.add_argument("file")
    scores.add_argument("crops", nargs="+")
    scores.add_argument("--imagenet", action="store_true")
    scores.set_defaults(run=print_scores)
    crops = commands.add_parser("crops")
    for name in ("video", "frames", "landmarks", "model"):
        crops.add_argument(name)
    crops.set_defaults(run=compare_crops)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
