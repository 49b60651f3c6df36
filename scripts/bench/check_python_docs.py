"""Runs every block of Python in docs/python.md: check_python_docs.py FOLDER

FOLDER holds what the blocks read: last.tar (EfficientNet-B4), detector.safetensors, result.json, logs/metrics.jsonl,
packed/ (of `sbi npy-pack`) and prepared/ (of `sbi preprocess`). Blocks share their names, from top to bottom.
"""
import os
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"


def main():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
    os.chdir(sys.argv[1])
    names = {}
    for number, block in enumerate(blocks, start=1):
        print(f"--- block {number}", flush=True)
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    print(f"{len(blocks)} blocks run")


if __name__ == "__main__":
    main()
