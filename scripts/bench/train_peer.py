"""The other side of the training step: EG's detector and SAM in PyTorch, eager, with its allocator as it comes.

    train_peer.py EG.TAR [--cpu-time]        steps on 4 pairs of 380 px; protocol as in peers.py
    (import) EgDetector                      modules with the names of the weight files, for check_checkpoint.py

The check that `run` prints is of a first pass without dropout: the four loss terms and the gradient's length.
"""
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from efficientnet_pytorch import EfficientNet
from torch import nn

from peers import SIDE, uniform

PAIRS = 4
FEATURES, EMBEDDING, HIDDEN, CLASSES = 1792, 512, 1024, 2
FACE = 112
RHO, LR, MOMENTUM = 0.05, 0.001, 0.9
WEIGHTS = {"rf": 1.0, "rp": 1.0, "rc": 0.01, "distill": 0.4}


class FaceBlock(nn.Module):
    """Of iresnet: batch norms first, the stride in the second convolution."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.prelu = nn.PReLU(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        else:
            self.downsample = nn.Identity()

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + self.downsample(x)


class FaceEncoder(nn.Module):
    """iresnet18; its last map's mean and maximum make the embedding."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        c_in = 64
        for number, c_out in enumerate((64, 128, 256, 512), 1):
            self.add_module(f"layer{number}", nn.Sequential(FaceBlock(c_in, c_out, 2), FaceBlock(c_out, c_out, 1)))
            c_in = c_out
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.bn2(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return self.features(x.mean((2, 3)) + x.amax((2, 3)))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(FEATURES)
        self.bn.bias.requires_grad_(False)
        self.classifier = nn.Linear(FEATURES, CLASSES, bias=False)

    def forward(self, x):
        return self.classifier(self.bn(x))


class Reconstruction(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(EMBEDDING + FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, FEATURES))

    def forward(self, x):
        return self.fc(x)


class EgDetector(nn.Module):
    """Everything that EG trains, and the face encoder, which stays in eval mode."""

    def __init__(self):
        super().__init__()
        self.net = EfficientNet.from_name("efficientnet-b4", num_classes=CLASSES)
        # In the order of the released program: it numbers the parameters in the optimiser's state.
        self.face_model = FaceEncoder().requires_grad_(False)
        self.bn = nn.BatchNorm1d(FEATURES)
        self.reshape_layer = nn.Linear(FEATURES, EMBEDDING + FEATURES)  # in the files, without use
        self.fc_cat, self.fc_cat1 = Head(), Head()
        self.fc = nn.Linear(EMBEDDING, CLASSES)  # as well
        self.reconstruction_network = Reconstruction()

    def train(self, mode: bool = True):
        super().train(mode)
        self.face_model.eval()
        return self

    @torch.no_grad()
    def embedding(self, faces):
        small = F.interpolate(faces, size=(FACE, FACE), mode="bilinear", align_corners=False)
        return self.face_model((small - 0.5) / 0.5)

    def losses(self, real, fake, dropout: bool = True) -> dict:
        pooled = self.net.extract_features(torch.cat([real, fake, fake - real])).mean((2, 3))
        f_r, f_f, f_d = pooled.chunk(3)
        e_d = self.embedding(fake) - self.embedding(real)
        f_star = self.reconstruction_network(torch.cat([e_d, f_d], 1))
        classified = torch.cat([f_r, f_f])
        if dropout:
            classified = self.net._dropout(classified)
        logits = {
            "rf": self.net._fc(self.bn(classified)),
            "rp": self.fc_cat(torch.cat([f_r, f_d])),
            "rc": self.fc_cat1(torch.cat([f_r, f_star])),
        }
        labels = torch.tensor([0] * len(real) + [1] * len(fake))
        return {name: F.cross_entropy(value, labels) for name, value in logits.items()} | {"distill": F.mse_loss(f_f, f_star)}


def total(losses: dict):
    return sum(WEIGHTS[name] * loss for name, loss in losses.items())


def gradient_norm(parameters):
    return torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm()


def sam_step(model: EgDetector, optimizer, real, fake) -> float:
    """Both passes and the update; the first pass's loss."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.zero_grad()
    loss = total(model.losses(real, fake))
    loss.backward()
    scale = RHO / (gradient_norm(parameters) + 1e-12)
    shifts = []
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                shifts.append((p, p.grad * scale))
                p.add_(shifts[-1][1])
    optimizer.zero_grad()
    total(model.losses(real, fake)).backward()
    with torch.no_grad():
        for p, shift in shifts:
            p.sub_(shift)
    optimizer.step()
    return loss.item()


def first_pass(model: EgDetector, real, fake) -> list:
    rate = model.net._global_params.drop_connect_rate
    model.net._global_params = model.net._global_params._replace(drop_connect_rate=0.0)
    losses = model.losses(real, fake, dropout=False)
    total(losses).backward()
    model.net._global_params = model.net._global_params._replace(drop_connect_rate=rate)
    return [loss.item() for loss in losses.values()] + [gradient_norm(model.parameters()).item()]


def peak_mib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def run(weights: str, cpu_time: bool) -> None:
    clock = time.process_time if cpu_time else time.perf_counter
    if cpu_time:
        torch.set_num_threads(1)
    model = EgDetector().train()
    model.load_state_dict(torch.load(weights, weights_only=True))
    image = lambda label: torch.from_numpy(uniform(label, PAIRS * 3 * SIDE * SIDE).reshape(PAIRS, 3, SIDE, SIDE))
    real, fake = image("real"), image("fake")
    check = first_pass(model, real, fake)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=LR, momentum=MOMENTUM)
    sam_step(model, optimizer, real, fake)
    for line in sys.stdin:
        seconds, times, started = float(line), [], clock()
        while not times or clock() - started < seconds:
            start = clock()
            sam_step(model, optimizer, real, fake)
            times.append(clock() - start)
        rate = PAIRS / statistics.median(times)
        print(json.dumps({"rate": rate, "steps": len(times), "check": check, "peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[-1] == "--cpu-time")
