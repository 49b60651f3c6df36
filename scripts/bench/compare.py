"""Measures sbi and its peers in turn and prints one Markdown table; compare.sh sets everything up and calls this.

A machine is rarely quiet, so both sides of a row run in one go, repeat by repeat in alternation, and the ratio is
the median of the repeats' ratios. What both compute is compared too: a fast wrong network would be no win.
"""
import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SBI = os.path.join(ROOT, "target/release/sbi")
THROUGHPUT = os.path.join(ROOT, "target/release/examples/throughput")
MNET = os.path.join(ROOT, "weights/retinaface_mnet025.safetensors")
LANDMARKS = os.path.join(ROOT, "weights/shape_predictor_68_face_landmarks.dat")
# Modules that are not called like their package.
MODULES = {"opencv-python-headless": "cv2", "dlib-bin": "dlib"}
# Largest difference between two sides' outputs, relative to the largest number.
TOLERANCE = 1e-3


class Side:
    """A process that measures one repeat at a time."""

    def __init__(self, name: str, command: list, seconds: float, environment: dict = {}):
        self.name, self.seconds, self.rates, self.check, self.peak = name, seconds, [], None, None
        pipe, environment = subprocess.PIPE, {**os.environ, **environment}
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment)

    def measure(self) -> None:
        self.process.stdin.write(f"{self.seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: {self.name} ended without a result")
        answer = json.loads(line)
        self.rates.append(answer["rate"])
        self.check, self.peak = answer.get("check"), answer.get("peak_mib")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


CPU_TIME = ["--cpu-time"] if "--cpu-time" in sys.argv else []


# What `sbi train` starts itself again with.
STARTED = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "GOMP_SPINCOUNT": "10000"}


def ours(what: str, weights: str, seconds: float, *flags: str) -> Side:
    command = [THROUGHPUT, what, weights, "--wait", "--seconds", str(seconds), *flags, *CPU_TIME]
    return Side("sbi " + " ".join([what, *flags]), command, seconds, STARTED if what.startswith("train") else {})


def peer(what: str, weights: str, seconds: float) -> Side:
    return Side(what, [sys.executable, "-W", "ignore", os.path.join(HERE, "peers.py"), what, weights, *CPU_TIME], seconds)


def blending_peer(folder: str, seconds: float) -> Side:
    script = os.path.join(HERE, "blending_peer.py")
    return Side("pairs", [sys.executable, "-W", "ignore", script, "run", folder, *CPU_TIME], seconds)


def light_peer(folder: str, kind: str, seconds: float) -> Side:
    script = os.path.join(HERE, "light_peer.py")
    return Side(f"light training, {kind}", [sys.executable, "-W", "ignore", script, folder, kind], seconds)


def training_peer(weights: str) -> Side:
    script = os.path.join(HERE, "train_peer.py")
    return Side("training", [sys.executable, "-W", "ignore", script, weights, *CPU_TIME], 0)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, *cells: str) -> None:
        self.rows.append(cells)
        print("bench: " + " | ".join(cells), file=sys.stderr)

    def print(self) -> None:
        head = ("what", "sbi", "peer", "ratio (lowest to highest)")
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def same(a: list, b: list) -> bool:
    if not a and not b:
        return True  # random images: nothing to compare
    scale = max(map(abs, a + b)) or 1.0
    return len(a) == len(b) and all(abs(x - y) <= TOLERANCE * scale for x, y in zip(a, b))


def duel(table: Table, what: str, unit: str, mine: Side, others: dict, repeats: int, show_peaks: bool = False) -> None:
    """One row per peer. A ratio above 1 means that sbi is faster. Peaks are of resident memory."""
    for _ in range(repeats):
        for side in (mine, *others.values()):
            side.measure()
    for side in (mine, *others.values()):
        side.close()
    median = statistics.median
    for name, other in others.items():
        ratios = sorted(a / b for a, b in zip(mine.rates, other.rates))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        row = [f"{median(mine.rates):.3g} {unit}", f"{name}: {median(other.rates):.3g}"]
        note = "" if same(mine.check, other.check) else "; RESULTS DIFFER"
        if show_peaks:
            row = [f"{cell}, peak {side.peak} MiB" for cell, side in zip(row, (mine, other))]
        table.add(what, *row, f"**{median(ratios):.2f}** ({spread}){note}")


def run_once(command: list) -> tuple:
    """Wall time in seconds and the largest resident size in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def make_video(path: str, portrait: str, size: tuple, frames: int, face: int) -> None:
    """The portrait wandering over a dark, slowly changing background."""
    import cv2
    import numpy as np

    if os.path.exists(path):
        return
    width, height = size
    crop = cv2.resize(cv2.imread(portrait), (face, face), interpolation=cv2.INTER_AREA)
    unfinished = path.replace(".mp4", ".tmp.mp4")
    writer = cv2.VideoWriter(unfinished, cv2.VideoWriter_fourcc(*"mp4v"), 25.0, size)
    background = np.linspace(30, 90, width, dtype=np.uint8)[None, :, None].repeat(height, 0).repeat(3, 2)
    for i in range(frames):
        image = background.copy()
        x = int((width - face) * (0.5 + 0.4 * np.sin(i / 40)))
        y = int((height - face) * (0.5 + 0.4 * np.cos(i / 55)))
        image[y : y + face, x : x + face] = crop
        writer.write(image)
    writer.release()
    os.replace(unfinished, path)


def infer_command(work: str, video: str) -> list:
    detector = ["--detector", "retinaface-mnet", "--detector-weights", MNET]
    return [SBI, "infer", "-w", os.path.join(work, "b4.pth"), "-i", video, "-n", "32", "-q", *detector]


def whole_commands(table: Table, args, repeats: int) -> None:
    times = sorted(run_once([SBI, "--help"])[0] for _ in range(5 * repeats))
    table.add("`sbi --help`", f"{statistics.median(times) * 1000:.0f} ms", "", "")
    video = os.path.join(args.work, "talk-720p.mp4")
    make_video(video, args.portrait, (1280, 720), 300, 400)
    onnx = os.path.join(args.work, "b4.onnx")
    exporting = [sys.executable, "-W", "ignore", os.path.join(HERE, "peers.py"), "export-b4", os.path.join(args.work, "b4.pth")]
    subprocess.run([*exporting, onnx], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    other = [sys.executable, os.path.join(HERE, "infer_peer.py"), video, os.path.join(args.work, "mnet.onnx"), onnx, "32"]
    mine = infer_command(args.work, video)
    scores = [subprocess.run(c, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()[-1] for c in (mine, other)]
    pairs = [(run_once(mine), run_once(other)) for _ in range(repeats)]
    ratios = sorted(theirs[0] / ours[0] for ours, theirs in pairs)
    cells = []
    for column in zip(*pairs):
        seconds, peak = (statistics.median(numbers) for numbers in zip(*column))
        cells.append(f"{seconds:.1f} s, peak {peak:.0f} MiB")
    note = "" if abs(float(scores[0]) - float(scores[1])) < 0.02 else "; RESULTS DIFFER"
    what = f"`sbi infer` on 300 frames of 720p, 32 looked at, MobileNet, B4; scores {scores[0]} and {scores[1]}"
    spread = f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}){note}"
    table.add(what, cells[0], f"OpenCV, ONNX Runtime: {cells[1]}", spread)
    boxed = [SBI, "infer", "-i", video, "-n", "32", "-q"]
    runs = [run_once(boxed) for _ in range(repeats)]
    seconds, peak = (statistics.median(column) for column in zip(*runs))
    table.add("the same with the detector in the box", f"{seconds:.1f} s, peak {peak:.0f} MiB", "", "")


# Sides of made photographs: what phones, messengers and web pages give, upright and across.
PHOTOGRAPHS = [(w, h) for w in (480, 640, 720, 1000, 1080, 1280, 1600, 2048) for h in (480, 600, 750, 960, 1200)]


def make_photographs(folder: str, portrait: str, count: int) -> None:
    """The portrait in many sizes, each with a background of its own."""
    import cv2
    import numpy as np

    if os.path.exists(folder):
        return
    unfinished = folder + ".tmp"
    os.makedirs(unfinished, exist_ok=True)
    image = cv2.imread(portrait)
    random = np.random.default_rng(1)
    for i in range(count):
        width, height = PHOTOGRAPHS[i * 7 % len(PHOTOGRAPHS)]
        face = min(width, height) * 2 // 3
        photograph = cv2.resize(random.integers(0, 200, (9, 9, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        x, y = random.integers(0, width - face), random.integers(0, height - face)
        photograph[y : y + face, x : x + face] = cv2.resize(image, (face, face), interpolation=cv2.INTER_AREA)
        cv2.imwrite(os.path.join(unfinished, f"{i:04}.jpg"), photograph)
    os.replace(unfinished, folder)


def photographs(table: Table, args, repeats: int) -> None:
    """One photograph from start to end, and a folder of many sizes with the share of all processors' time that it used."""
    seconds = [run_once([SBI, "infer", "-i", args.portrait, "-q"])[0] for _ in range(3 * repeats)]
    table.add("`sbi infer` on a photograph, detector in the box, warm", f"{statistics.median(seconds):.2f} s", "", "")
    folder, count = os.path.join(args.work, "photographs"), 300
    make_photographs(folder, args.portrait, count)
    command = [SBI, "infer", "-i", folder, "-q", "--timings"]
    told = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    busy = next(line.split()[-2] for line in told.splitlines() if "processors busy" in line)
    rate = count / run_once(command[:-1])[0]
    table.add(f"the same, {count} of {len(PHOTOGRAPHS)} sizes", f"{rate:.1f} photographs/s, processors {busy} % busy", "", "")


def same_arrays(ours: str, theirs: str) -> str:
    """How the two sides' files compare, in words."""
    import glob
    import numpy as np

    apart, points, names = 0.0, 0, []
    for path in sorted(glob.glob(os.path.join(theirs, "landmarks", "*", "*.npy"))):
        names.append(path)
        mine = path.replace(theirs, ours)
        a, b = np.load(path), np.load(mine) if os.path.exists(mine) else np.zeros((0, 68, 2))
        points += int(a.shape != b[:, :68].shape or (a != b[:, :68]).any())
    for path in sorted(glob.glob(os.path.join(theirs, "retina", "*", "*.npy"))):
        mine = path.replace(theirs, ours)
        a, b = np.load(path), np.load(mine) if os.path.exists(mine) else np.zeros(0)
        apart = max(apart, float(np.abs(a - b).max()) if a.shape == b.shape else float("inf"))
    return f"landmarks equal on {len(names) - points} of {len(names)} frames, boxes within {apart:.2f} px"


def preprocess(table: Table, args, repeats: int) -> None:
    """Whole commands, from start to end."""
    import shutil

    root = os.path.join(args.work, "preprocess")
    videos = os.path.join(root, "Celeb-DF-v2/Celeb-real/videos")
    if args.videos:
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(os.path.dirname(videos))
        os.symlink(os.path.abspath(args.videos), videos)
    elif not os.path.exists(videos) or os.path.islink(videos):
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(videos)
    if not args.videos:
        for number, face in enumerate((300, 400)):
            make_video(os.path.join(videos, f"{number:03}.mp4"), args.portrait, (1280, 720), 300, face)
    out = os.path.join(root, "peer")
    shutil.rmtree(out, ignore_errors=True)
    mine = [SBI, "--data-root", root, "preprocess", "-d", "Celeb-real", "-n", "32", "-q", "--overwrite", "--detector",
            "retinaface-mnet", "--detector-weights", MNET, "--landmark-model", LANDMARKS]
    other = [sys.executable, os.path.join(HERE, "preprocess_peer.py"), videos, out, LANDMARKS, os.path.join(args.work, "mnet.onnx"), "32"]
    pairs = [(run_once(mine)[0], run_once(other)[0]) for _ in range(repeats)]
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    frames = sum(len(files) for _, _, files in os.walk(os.path.join(out, "frames")))
    ours, theirs = (frames / statistics.median(column) for column in zip(*pairs))
    checked = same_arrays(os.path.dirname(videos), out)
    row = [f"{ours:.3g} frames/s", f"dlib, ONNX Runtime, OpenCV: {theirs:.3g}"]
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    what = f"`sbi preprocess`, 32 frames a video, MobileNet, whole command; {checked}"
    table.add(what, *row, f"**{statistics.median(ratios):.2f}** ({spread})")


def training(table: Table, weights: str, repeats: int) -> None:
    """Both sides begin with the same weights and images; what is compared is the first pass without dropout."""
    mine = ours("train", weights, 0, "--batch", "4")
    what = "training step (EG, SAM, b4, 380 px, 4 pairs)"
    duel(table, what, "pairs/s", mine, {"PyTorch eager": training_peer(weights)}, repeats, show_peaks=True)


def make_frame(folder: str, portrait: str) -> None:
    """A prepared frame: its file is as `sbi preprocess` writes it, and both sides read the same one."""
    subprocess.run([sys.executable, os.path.join(HERE, "blending_peer.py"), "make", folder, portrait], check=True)
    subprocess.run([THROUGHPUT, "frame", folder], check=True)


def light_training(table: Table, args, seconds: float, repeats: int) -> None:
    """Whole steps, pairs made meanwhile by one loader thread or process."""
    folder = os.path.join(args.work, "frame")
    make_frame(folder, args.portrait)
    mine = ours("train-light", folder, seconds, "--batch", "16")
    others = {f"PyTorch eager, {kind}": light_peer(folder, kind, seconds) for kind in ("sam", "adamw")}
    duel(table, "training (SBI, SAM, lite0, 224 px, 16 pairs), loader included", "pairs/s", mine, others, repeats)


def checkpoint(table: Table, args) -> None:
    """A step of `sbi train` on a made set, whose last.tar PyTorch must take."""
    import shutil

    root = os.path.join(args.work, "checkpoint")
    shutil.rmtree(root, ignore_errors=True)
    data, runs = os.path.join(root, "data"), os.path.join(root, "runs")
    prepare = [SBI, "--data-root", data, "preprocess", "-d", "Original", "-n", "2", "-q", "--detector", "retinaface-mnet"]
    small = ["image_size=64", "batch_size=2", "epoch=1", "data.n_frames=2", "workers=1", "guide.weights=random"]
    settings = [word for setting in small for word in ("--set", setting)]
    train = [SBI, "--data-root", data, "train", os.path.join(ROOT, "configs/base.json"), "-q", "--output", runs, *settings]
    for command in (
        [os.path.join(ROOT, "target/release/sample_set"), args.portrait, data],
        [*prepare, "--detector-weights", MNET, "--landmark-model", LANDMARKS],
        train,
    ):
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    [run] = os.listdir(runs)
    last = os.path.join(runs, run, "weights/last.tar")
    script = os.path.join(HERE, "check_checkpoint.py")
    checked = subprocess.run([sys.executable, "-W", "ignore", script, last], check=True, stdout=subprocess.PIPE, text=True)
    table.add("`last.tar` of `sbi train` in PyTorch, strictly", checked.stdout.strip(), "loaded, and SGD steps", "")


def memory(table: Table, args) -> None:
    peaks = []
    for name, frames in (("short-1080p.mp4", 250), ("long-1080p.mp4", 15000)):
        video = os.path.join(args.work, name)
        make_video(video, args.portrait, (1920, 1080), frames, 400)
        peaks.append(run_once(infer_command(args.work, video))[1])
    what = "peak memory, 10 min against 10 s of 1080p"
    table.add(what, f"{peaks[1]:.0f} MiB", f"10 s: {peaks[0]:.0f} MiB", f"**{peaks[1] / peaks[0]:.2f}**")


def machine() -> str:
    model = "unknown processor"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    packages = ("torch", "torchvision", "efficientnet_pytorch", "onnxruntime", "openvino", "opencv-python-headless", "albumentations", "scipy", "dlib-bin")
    there = {name for name in packages if importlib.util.find_spec(MODULES.get(name, name))}
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages if name in there)
    version = subprocess.run([SBI, "--version"], capture_output=True, text=True).stdout.strip()
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {platform.system()} {platform.machine()}. {version}; {versions}."


PARTS = ["b4", "r50", "mnet", "train", "light", "checkpoint", "infer", "photographs", "pairs", "preprocess"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--portrait", default=os.path.join(ROOT, "data/sample/astronaut.png"))
    parser.add_argument("--videos", help="folder of videos for the row preprocess, instead of made ones")
    args = parser.parse_args()
    args.portrait = os.path.abspath(args.portrait)
    repeats, seconds = (9, 10.0) if args.long else (5, 3.0)
    wanted = lambda part: args.only is None or part in args.only

    subprocess.run([THROUGHPUT, "weights", args.work], check=True)
    b4, r50, mnet = (os.path.join(args.work, name) for name in ("b4.pth", "r50.pth", "mnet.onnx"))
    table = Table()
    if wanted("b4"):
        others = {"PyTorch eager": peer("b4-eager", b4, seconds), "ONNX Runtime": peer("b4-onnx", b4, seconds)}
        others["OpenVINO"] = peer("b4-openvino", b4, seconds)
        what = "EfficientNet-B4, 380 px, batch 8"
        duel(table, what, "faces/s", ours("b4", b4, seconds), others, repeats)
    if wanted("mnet"):
        others = {"ONNX Runtime": peer("mnet-onnx", mnet, seconds), "OpenVINO": peer("mnet-openvino", mnet, seconds)}
        what = "RetinaFace MobileNet-0.25, 720p, network"
        duel(table, what, "frames/s", ours("mnet", MNET, seconds), others, repeats)
    if wanted("r50"):
        # A step takes seconds: one per repeat.
        few = repeats if args.long else 3
        others = {"PyTorch eager": peer("r50-eager", r50, 0)}
        what = "RetinaFace ResNet-50, 720p at 2048, image to boxes"
        duel(table, what, "frames/s", ours("r50", r50, 0, "--whole"), others, few)
        others = {"ONNX Runtime": peer("r50-net-onnx", r50, 0), "OpenVINO": peer("r50-net-openvino", r50, 0)}
        what = "RetinaFace ResNet-50, 720p at 2048, network"
        duel(table, what, "frames/s", ours("r50", r50, 0), others, few)
    if wanted("train"):
        # The peer's step takes a minute.
        training(table, os.path.join(args.work, "eg.tar"), repeats if args.long else 2)
    if wanted("light"):
        light_training(table, args, seconds, repeats)
    if wanted("checkpoint"):
        checkpoint(table, args)
    if wanted("pairs"):
        folder = os.path.join(args.work, "frame")
        make_frame(folder, args.portrait)
        others = {"albumentations, SciPy, OpenCV": blending_peer(folder, seconds)}
        what = "self-blended pairs of 380 px from a 720p PNG, one thread"
        duel(table, what, "pairs/s", ours("pairs", folder, seconds), others, repeats)
    if wanted("preprocess"):
        preprocess(table, args, repeats if args.long else 3)
    if wanted("infer"):
        whole_commands(table, args, repeats if args.long else 3)
    if wanted("photographs"):
        photographs(table, args, repeats if args.long else 3)
    if args.memory:
        memory(table, args)
    table.print()
    if args.cpu_time:
        print("\nNetworks on one thread, per second of processor time.")
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
