"""PyTorch's side of `cargo bench --features cuda --bench gpu`: takes requests on stdin and answers each with one line of JSON.

Started as `$DICHROIC_PYTHON gpu_peer.py DEVICE SIDE BATCH`. Requests:

    {"about": true}                                                   -> versions, the GPU's name, "pid"
    {"work": "train", "format": "bf16", "how": "compile", "steps": 20} -> "images_per_s", "peak_mib", "warm_up_s"
    {..., "profile": true}                                            -> "step_ms", "kernels_ms", "kernels": name, calls, ms a step

`work`: `train` is zero_grad, then forward, loss and backward of each of three sub-batches (3, 4 and 5 channels, each through a stem
of its own), then AdamW(fused); `embed` is a forward of BATCH images of five channels without gradients. `format`: bf16 is
autocast; tf32 and f32 say what matrix products and convolutions may do with float32. `how`: eager, compile, max-autotune
(of the stages, which are the same for every set). Channels-last throughout. The first request of a kind is preceded by
untimed steps ("warm_up_s", compilation among it); models stay built, so that "peak_mib" holds the weights of all of them.
"""

import json
import os
import sys
import time

import timm
import torch
import torch.nn.functional as F

CLASSES, TEMPERATURE, CHANNELS = 14, 0.07, (3, 4, 5)
WARMUP = 5


class Bench:
    def __init__(self, device: str, side: int, batch: int):
        self.device, self.batch = device, batch
        rows = [batch * (i + 1) // 3 - batch * i // 3 for i in range(3)]
        image = lambda n, c: torch.randn(n, c, side, side, device=device).contiguous(memory_format=torch.channels_last)
        self.parts = [(image(n, c), torch.arange(n, device=device) % CLASSES) for n, c in zip(rows, CHANNELS)]
        self.embedded = image(batch, CHANNELS[-1])
        self.built, self.warm = {}, set()

    def model(self, how: str):
        if how not in self.built:
            torch.manual_seed(0)
            net = timm.create_model("convnext_tiny", pretrained=False, num_classes=0, drop_path_rate=0.0)
            net = net.to(self.device, memory_format=torch.channels_last).train()
            width = net.stem[0].out_channels
            stems = [torch.nn.Conv2d(c, width, 4, 4, bias=False) for c in CHANNELS]
            stems = torch.nn.ModuleList(stems).to(self.device, memory_format=torch.channels_last)
            proxies = torch.nn.Parameter(torch.randn(CLASSES, net.num_features, device=self.device) / 8)
            trained = [*stems.parameters(), *net.stem[1].parameters(), *net.stages.parameters(), proxies]
            optimiser = torch.optim.AdamW(trained, lr=1e-6, weight_decay=5e-5, fused=True)
            body = torch.nn.Sequential(net.stem[1], net.stages)
            if how == "compile":
                body = torch.compile(body, dynamic=False)
            elif how == "max-autotune":
                body = torch.compile(body, mode="max-autotune", dynamic=False)
            self.built[how] = stems, body, proxies, optimiser
        return self.built[how]

    def features(self, stem, body, images, bf16):
        with torch.autocast(self.device, torch.bfloat16, enabled=bf16):
            maps = body(stem(images))
        return maps.float().mean((2, 3))

    def step(self, how, bf16):
        stems, body, proxies, optimiser = self.model(how)
        optimiser.zero_grad(set_to_none=True)
        scale = (1 / TEMPERATURE) ** 0.5
        for stem, (images, labels) in zip(stems, self.parts):
            features = F.normalize(self.features(stem, body, images, bf16), dim=1, eps=1e-12) * scale
            toward = F.normalize(proxies, dim=1, eps=1e-12) * scale
            distances = (features[:, None] - toward[None]).square().sum(2)
            loss = F.cross_entropy(-distances, labels)
            loss.backward()
        optimiser.step()
        return loss

    def embed(self, how, bf16):
        stems, body, _, _ = self.model(how)
        with torch.no_grad():
            return self.features(stems[2], body, self.embedded, bf16)

    def run(self, work, format, how, steps, profile=False):
        exact = format == "f32"
        torch.backends.cuda.matmul.allow_tf32 = not exact
        torch.backends.cudnn.allow_tf32 = not exact
        bf16 = format == "bf16"
        one = lambda: self.step(how, bf16) if work == "train" else self.embed(how, bf16)
        key, warm_up = (work, format, how), time.perf_counter()
        if key not in self.warm:
            for _ in range(WARMUP if self.device == "cuda" else 1):
                one()
            self.warm.add(key)
        self.wait()
        warm_up = time.perf_counter() - warm_up
        if profile:
            return self.profile(one, steps)
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.wait()
        began = time.perf_counter()
        for _ in range(steps):
            result = one()
        self.wait()
        seconds = time.perf_counter() - began
        assert torch.isfinite(result).all()
        peak = torch.cuda.max_memory_allocated() / 2**20 if self.device == "cuda" else None
        said = {"work": work, "format": format, "how": how, "warm_up_s": round(warm_up, 2)}
        return {**said, "images_per_s": steps * self.batch / seconds, "peak_mib": peak}

    def profile(self, one, steps):
        """Where the time of a step goes, as PyTorch's own profiler has it: by kernel, on the CPU by operation."""
        on_gpu = self.device == "cuda"
        which = torch.profiler.ProfilerActivity
        began = time.perf_counter()
        with torch.profiler.profile(activities=[which.CPU, which.CUDA] if on_gpu else [which.CPU]) as profiler:
            for _ in range(steps):
                one()
            self.wait()
        seconds = time.perf_counter() - began
        took = lambda event: event.self_device_time_total if on_gpu else event.self_cpu_time_total
        events = [event for event in profiler.key_averages() if took(event) > 0]
        if on_gpu:  # operations have their kernels' time once more
            events = [event for event in events if event.device_type == torch.autograd.DeviceType.CUDA]
        events.sort(key=took, reverse=True)
        kernels = [{"name": e.key, "calls": e.count / steps, "ms": took(e) / 1e3 / steps} for e in events]
        total = sum(kernel["ms"] for kernel in kernels)
        return {"step_ms": seconds * 1e3 / steps, "kernels_ms": total, "kernels": kernels[:40]}

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def about(self):
        gpu = torch.cuda.get_device_name() if self.device == "cuda" else None
        return {"torch": torch.__version__, "timm": timm.__version__, "gpu": gpu, "pid": os.getpid()}


def main():
    device, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bench = Bench(device, side, batch)
    for line in filter(str.strip, sys.stdin):
        request = json.loads(line)
        try:
            reply = bench.about() if "about" in request else bench.run(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
