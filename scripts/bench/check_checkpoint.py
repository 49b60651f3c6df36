"""Whether PyTorch takes what `sbi train` writes: check_checkpoint.py LAST.TAR

The file is read with `weights_only=True`, its weights go strictly into plain PyTorch modules (the backbone also by
itself into efficientnet_pytorch's network), and its optimiser's state into torch.optim.SGD.
"""
import sys

import torch
from efficientnet_pytorch import EfficientNet

from train_peer import CLASSES, LR, MOMENTUM, EgDetector

BACKBONE = "net."
ENCODER = "face_model."


def check(path: str) -> str:
    """What was checked, in words; fails where PyTorch does."""
    file = torch.load(path, map_location="cpu", weights_only=True)
    state, optimizer_state = file["model"], file["optimizer"]
    assert isinstance(file["epoch"], int) and file["epoch"] >= 0, file["epoch"]
    model = EgDetector()
    model.load_state_dict(state, strict=True)
    backbone = EfficientNet.from_name("efficientnet-b4", num_classes=CLASSES)
    backbone.load_state_dict({k.removeprefix(BACKBONE): v for k, v in state.items() if k.startswith(BACKBONE)}, strict=True)
    for name, tensor in state.items():
        assert not tensor.is_floating_point() or tensor.isfinite().all(), f"{name} is not finite"

    # As the original program makes its optimiser: by the order of the modules, without names.
    named = {name: p for name, p in model.named_parameters() if not name.startswith(ENCODER)}
    names = optimizer_state["param_groups"][0]["param_names"]
    assert names == list(named), "parameters are not in the order of the modules"
    optimizer = torch.optim.SGD(named.values(), lr=1.0)
    optimizer.load_state_dict(optimizer_state)
    assert optimizer.param_groups[0]["momentum"] == MOMENTUM, optimizer.param_groups[0]["momentum"]
    velocities = 0
    for name, parameter in named.items():
        velocity = optimizer.state[parameter].get("momentum_buffer")
        if velocity is not None:
            assert velocity.shape == parameter.shape, f"{name}: velocity of {tuple(velocity.shape)}"
            parameter.grad = torch.zeros_like(parameter)
            velocities += 1
    # The run is over, so its own rate may be 0.
    optimizer.param_groups[0]["lr"] = LR
    before = named[names[0]].detach().clone()
    optimizer.step()
    assert not torch.equal(before, named[names[0]]), "a step with the velocities alone moves nothing"
    return f"{len(state)} entries and {velocities} velocities of {len(names)} parameters"


if __name__ == "__main__":
    print(check(sys.argv[1]))
