"""PyTorch's side of `cargo bench --bench step`: takes requests on stdin and answers each with one line of JSON.

Started by the bench as `$DICHROIC_PYTHON tests/benches/peer.py`. Requests, one JSON object a line:

    {"about": true}
        -> {"python": …, "torch": …, "timm": …, "cpu": "AVX512", "cores": 2}
    {"model": "convnext_tiny", "image": 64, "batch": 16, "threads": 2, "mode": "f32", "steps": 3}
        -> the request's fields, and per step "wall" (seconds) and "cpu" (seconds of the whole process, all threads,
           OpenMP's waiting included), "loss" after the last step, "warmup" (steps done untimed before the first)
    {"gemm": 2048, "threads": 2, "steps": 5}
        -> the request's fields, "wall" and "cpu" per product, "gflops" (of the fastest by the wall)

A request that cannot be served gets {"error": "…"} and the peer goes on. The end of stdin ends it.

A step is zero_grad(set_to_none), forward, loss, backward and AdamW(fused) over stem, stages and proxies, on a fixed
batch, channels-last, eager. Loss: mean cross-entropy over 14 classes of the negated squared distances between
normalised features and proxies, both multiplied by sqrt(1 / 0.07). Mode `bf16` runs forward and loss under autocast
(the features' mean and the loss in float32), weights and optimiser stay float32. Models stay built between requests;
the first request of a shape, thread count and mode is preceded by untimed steps, until two in a row come within a
tenth of the fastest (first touches of memory can cost more than the step itself).
"""

import json
import os
import platform
import sys
import time

import timm
import torch
import torch.nn.functional as F

CLASSES, TEMPERATURE = 14, 0.07
LR = 1e-6  # so that no batch is learnt by heart: a loss of 0 makes gradients that are no honest work
MODES = ("f32", "bf16")
WARMUP = range(3, 13)  # steps, from the fewest to the most


class Trainer:
    """A backbone without head, proxies and their optimiser."""

    def __init__(self, name: str, mode: str):
        torch.manual_seed(0)
        model = timm.create_model(name, pretrained=False, num_classes=0, in_chans=3, drop_path_rate=0.0)
        model = model.to(memory_format=torch.channels_last).train()
        self.stem, self.stages, self.mode = model.stem, model.stages, mode
        self.proxies = torch.nn.Parameter(torch.randn(CLASSES, model.num_features) / 8)
        parameters = [*self.stem.parameters(), *self.stages.parameters(), self.proxies]
        self.optimiser = torch.optim.AdamW(parameters, lr=LR, weight_decay=5e-5, fused=True)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            maps = self.stages(self.stem(images))
        scale = (1 / TEMPERATURE) ** 0.5
        features = F.normalize(maps.float().mean((2, 3)), dim=1, eps=1e-12) * scale
        proxies = F.normalize(self.proxies, dim=1, eps=1e-12) * scale
        distances = (features[:, None] - proxies[None]).square().sum(2)
        loss = F.cross_entropy(-distances, labels)
        loss.backward()
        self.optimiser.step()
        return loss.detach()


def timed(work, count: int):
    """Runs `work` `count` times; wall and process CPU seconds of each, and the last result."""
    wall, cpu, result = [], [], None
    for _ in range(count):
        w, c = time.perf_counter(), time.process_time()
        result = work()
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    return wall, cpu, result


def warm_up(work) -> int:
    """Runs `work` until its time settles; how often that was."""
    walls = []
    for count in WARMUP:
        walls += timed(work, WARMUP.start if not walls else 1)[0]
        if max(walls[-2:]) <= 1.1 * min(walls):
            break
    return count


class Peer:
    """What stays built between requests."""

    def __init__(self):
        self.trainers, self.batches, self.warm = {}, {}, set()

    def train(self, model, image, batch, threads, mode, steps):
        if mode not in MODES:
            raise ValueError(f"expected a mode of {MODES}, found {mode!r}")
        torch.set_num_threads(threads)
        if (model, mode) not in self.trainers:
            self.trainers[model, mode] = Trainer(model, mode)
        if (image, batch) not in self.batches:
            torch.manual_seed(1)
            images = torch.randn(batch, 3, image, image).contiguous(memory_format=torch.channels_last)
            self.batches[image, batch] = images, torch.randint(CLASSES, (batch,))
        trainer, (images, labels) = self.trainers[model, mode], self.batches[image, batch]
        key = (model, image, batch, threads, mode)
        step = lambda: trainer.step(images, labels)
        warmup = 0 if key in self.warm else warm_up(step)
        self.warm.add(key)
        wall, cpu, loss = timed(step, steps)
        return {"wall": wall, "cpu": cpu, "loss": loss.item() if loss is not None else None, "warmup": warmup}

    def gemm(self, gemm, threads, steps=5):
        torch.set_num_threads(threads)
        torch.manual_seed(2)
        a, b, out = torch.randn(gemm, gemm), torch.randn(gemm, gemm), torch.empty(gemm, gemm)
        product = lambda: torch.mm(a, b, out=out)
        warm_up(product)
        wall, cpu, _ = timed(product, steps)
        return {"wall": wall, "cpu": cpu, "gflops": 2 * gemm**3 / min(wall) / 1e9}

    def answer(self, request: dict) -> dict:
        if "about" in request:
            versions = {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__}
            return {**versions, "cpu": torch.backends.cpu.get_cpu_capability(), "cores": os.cpu_count()}
        return {**request, **(self.gemm(**request) if "gemm" in request else self.train(**request))}


def main():
    peer = Peer()
    for line in filter(str.strip, sys.stdin):
        try:
            reply = peer.answer(json.loads(line))
        except Exception as error:  # the bench prints it and decides
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
