"""PyTorch's side of `cargo bench --bench step`: takes requests on stdin and answers each with one line of JSON.

Started by the bench as `$DICHROIC_PYTHON tests/benches/step/peer.py`. Requests, one JSON object a line:

    {"about": true}
        -> {"python": …, "torch": …, "timm": …, "cpu": "AVX512", "cores": 2}
    {"model": "convnext_tiny", "image": 64, "batch": 16, "threads": 2, "mode": "f32", "steps": 3}
        -> the request's fields, and per step "wall" (seconds) and "cpu" (seconds of the whole process, all threads,
           OpenMP's waiting included), "loss" after the last step, "warmup" (steps done untimed before the first),
           "peak_mib" (memory of the process at its highest)
    {"gemm": 2048, "threads": 2, "steps": 5}
        -> the request's fields, "wall" and "cpu" per product, "gflops" (of the fastest by the wall)

A request that cannot be served gets {"error": "…"} and the peer goes on. The end of stdin ends it.

A step of convnext_tiny or vit_small_patch16_224 is zero_grad(set_to_none), forward, loss, backward and AdamW(fused) over
network and proxies, on a fixed batch, channels-last, eager. Loss: mean cross-entropy over 14 classes of the negated squared distances between
normalised features and proxies, both multiplied by sqrt(1 / 0.07). Mode `bf16` runs forward and loss under autocast
(the features' mean and the loss in float32), weights and optimiser stay float32. Models stay built between requests;
the first request of a shape, thread count and mode is preceded by untimed steps, until two in a row come within a
tenth of the fastest (first touches of memory can cost more than the step itself).

A step of dino/vit_small_patch16_224 is DINO's (Caron et al. 2021; CODA trains the same way): two views of each image at
`image` px and six at 96 px, of one size each in one pass; a teacher without gradients sees the large ones; a head of three
linear layers, normalisation and 4096 weight-normalised prototypes; the cross-entropy of every pair of views but a view with
itself, in a loop over pairs; clipping of all gradients at 1; AdamW(fused) in two groups; the centre; the moving average of all
parameters. Attention is fused (scaled_dot_product_attention), which the authors' is not: that is in PyTorch's favour.

A step of dinov2/vit_small_patch16_224 is DINOv2's (Oquab et al. 2024) on single channels: layer scale; two views at `image` px, half of
which have 10 to 50 % of their patches masked, and eight at 96 px; one head with 65,536 prototypes for class tokens and masked patches;
cross-entropies of class tokens and of masked patches, centred by means of the step before; KoLeo on the class tokens of each large view;
gradients of backbone and head clipped at 3 each; AdamW(fused) in two groups instead of one for each layer; the moving average by
torch._foreach, as the authors'. Masks are random patches, the same in every step.
"""

import copy
import json
import os
import platform
import resource
import sys
import time

import timm
import torch
import torch.nn.functional as F

CLASSES, TEMPERATURE = 14, 0.07
LR = 1e-6  # so that no batch is learnt by heart: a loss of 0 makes gradients that are no honest work
HIDDEN, BOTTLENECK, PROTOTYPES, LOCALS = 2048, 256, 4096, 6
PROTOTYPES_V2, LOCALS_V2 = 65_536, 8
MODES = ("f32", "bf16")
WARMUP = range(3, 13)  # steps, from the fewest to the most


class Trainer:
    """A backbone without head, proxies and their optimiser."""

    def __init__(self, name: str, mode: str):
        torch.manual_seed(0)
        model = timm.create_model(name, pretrained=False, num_classes=0, in_chans=3, drop_path_rate=0.0)
        model = model.to(memory_format=torch.channels_last).train()
        # ConvNeXt without the normalisation behind the mean, as ours is.
        self.maps = torch.nn.Sequential(model.stem, model.stages) if name.startswith("convnext") else None
        self.model, self.mode = self.maps or model, mode
        self.proxies = torch.nn.Parameter(torch.randn(CLASSES, model.num_features) / 8)
        parameters = [*self.model.parameters(), self.proxies]
        self.optimiser = torch.optim.AdamW(parameters, lr=LR, weight_decay=5e-5, fused=True)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            out = self.model(images)
        scale = (1 / TEMPERATURE) ** 0.5
        features = out.float() if self.maps is None else out.float().mean((2, 3))
        features = F.normalize(features, dim=1, eps=1e-12) * scale
        proxies = F.normalize(self.proxies, dim=1, eps=1e-12) * scale
        distances = (features[:, None] - proxies[None]).square().sum(2)
        loss = F.cross_entropy(-distances, labels)
        loss.backward()
        self.optimiser.step()
        return loss.detach()


class Head(torch.nn.Module):
    """DINO's head; prototypes of length 1."""

    def __init__(self, width: int):
        super().__init__()
        layers = [torch.nn.Linear(width, HIDDEN), torch.nn.GELU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.GELU()]
        self.mlp = torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN, BOTTLENECK))
        self.last_layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(BOTTLENECK, PROTOTYPES, bias=False))
        gain = self.last_layer.parametrizations.weight.original0
        gain.data.fill_(1)
        gain.requires_grad = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Distiller:
    """A student, its teacher and the centre."""

    def __init__(self, name: str, mode: str):
        torch.manual_seed(0)
        name = name.removeprefix("dino/")
        of = dict(pretrained=False, num_classes=0, in_chans=3, drop_path_rate=0.0, dynamic_img_size=True)
        self.mode, self.student = mode, timm.create_model(name, **of).train()
        self.head = Head(self.student.num_features)
        self.teacher, self.teacher_head = copy.deepcopy(self.student), copy.deepcopy(self.head)
        for parameter in [*self.teacher.parameters(), *self.teacher_head.parameters()]:
            parameter.requires_grad = False
        self.centre, self.small = torch.zeros(1, PROTOTYPES), None
        self.learned = [p for p in [*self.student.parameters(), *self.head.parameters()] if p.requires_grad]
        groups = [
            {"params": [p for p in self.learned if p.ndim > 1]},
            {"params": [p for p in self.learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=LR, weight_decay=1e-5, fused=True)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        count = len(images)
        if self.small is None:  # the large views: the images twice over, other pixels would take as long
            self.large, self.small = torch.cat([images, images.flip(3)]), torch.randn(LOCALS * count, 3, 96, 96)
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            with torch.no_grad():
                teacher = self.teacher_head(self.teacher(self.large))
            features = torch.cat([self.student(self.large), self.student(self.small)])
            student = self.head(features)
        said = F.softmax((teacher.float() - self.centre) / 0.04, dim=-1).chunk(2)
        views = (student.float() / 0.1).chunk(2 + LOCALS)
        pairs = [(t, s) for t in range(2) for s in range(len(views)) if s != t]
        loss = sum((-said[t] * F.log_softmax(views[s], dim=-1)).sum(-1).mean() for t, s in pairs) / len(pairs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimiser.step()
        with torch.no_grad():
            self.centre = 0.9 * self.centre + 0.1 * teacher.float().mean(0, keepdim=True)
            for ours, theirs in [(self.student, self.teacher), (self.head, self.teacher_head)]:
                for s, t in zip(ours.parameters(), theirs.parameters()):
                    t.mul_(0.996).add_(0.004 * s)
        return loss.detach()


class HeadV2(torch.nn.Module):
    """DINOv2's head, whose prototypes' lengths learn."""

    def __init__(self, width: int):
        super().__init__()
        layers = [torch.nn.Linear(width, HIDDEN), torch.nn.GELU(), torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.GELU()]
        self.mlp = torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN, BOTTLENECK))
        self.last_layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(BOTTLENECK, PROTOTYPES_V2, bias=False))
        self.last_layer.parametrizations.weight.original0.data.fill_(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Masked(torch.nn.Module):
    """timm's transformer whose masked patches are one learned token."""

    def __init__(self, name: str):
        super().__init__()
        of = dict(pretrained=False, num_classes=0, in_chans=1, drop_path_rate=0.0, dynamic_img_size=True, init_values=1e-5)
        self.vit = timm.create_model(name, **of)
        self.token = torch.nn.Parameter(torch.zeros(self.vit.embed_dim))

    def forward(self, x: torch.Tensor, masks=None) -> torch.Tensor:
        x = self.vit.patch_embed(x)
        if masks is not None:
            x = torch.where(masks.unflatten(1, x.shape[1:3]).unsqueeze(-1), self.token.to(x.dtype), x)
        return self.vit.norm(self.vit.blocks(self.vit._pos_embed(x)))


class DistillerV2:
    """A student, its teacher and the centres of class tokens and of patches."""

    def __init__(self, name: str, mode: str):
        torch.manual_seed(0)
        self.mode, self.student = mode, Masked(name.removeprefix("dinov2/")).train()
        self.head = HeadV2(self.student.vit.num_features)
        self.teacher, self.teacher_head = copy.deepcopy(self.student), copy.deepcopy(self.head)
        for parameter in [*self.teacher.parameters(), *self.teacher_head.parameters()]:
            parameter.requires_grad = False
        self.centres, self.kept, self.small = [torch.zeros(1, PROTOTYPES_V2) for _ in range(2)], None, None
        learned = [*self.student.parameters(), *self.head.parameters()]
        groups = [
            {"params": [p for p in learned if p.ndim > 1]},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=LR, weight_decay=0.04, fused=True)

    def views(self, images: torch.Tensor):
        count, one = len(images), images[:, :1].contiguous()
        self.large, self.small = torch.cat([one, one.flip(3)]), torch.randn(LOCALS_V2 * count, 1, 96, 96)
        patches = (images.shape[-1] // 16) ** 2
        self.masks = torch.zeros(2 * count, patches, dtype=torch.bool)
        for at in range(count):  # half of the views
            share = 0.1 + 0.4 * (at + 0.5) / count
            self.masks[2 * at, torch.randperm(patches)[: int(share * patches)]] = True
        self.weights = (1 / self.masks.sum(1).clamp(min=1)).unsqueeze(1).expand_as(self.masks)[self.masks]

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.small is None:
            self.views(images)
        count = len(images)
        if self.kept is not None:
            self.centres = [0.9 * centre + 0.1 * logits.mean(0, keepdim=True) for centre, logits in zip(self.centres, self.kept)]
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "bf16"):
            with torch.no_grad():
                tokens = self.teacher(self.large)
                taught = torch.cat([tokens[:, 0], tokens[:, 1:][self.masks]])
                taught = self.teacher_head(taught)
            large, small = self.student(self.large, self.masks), self.student(self.small)
            class_tokens = large[:, 0]
            said = self.head(torch.cat([small[:, 0], class_tokens, large[:, 1:][self.masks]]))
        taught, said = taught.float(), said.float() / 0.1
        self.kept = [taught[: 2 * count], taught[2 * count :]]
        targets = [F.softmax((logits - centre) / 0.04, dim=-1) for logits, centre in zip(self.kept, self.centres)]
        of_views = targets[0].chunk(2)
        terms = (2 * LOCALS_V2) + 2
        loss = 0
        for student in said[: LOCALS_V2 * count].chunk(LOCALS_V2):
            logs = F.log_softmax(student, dim=-1)
            loss = loss - sum((target * logs).sum(-1).mean() for target in of_views) / terms
        logs = F.log_softmax(said[LOCALS_V2 * count :][: 2 * count], dim=-1)
        swapped = torch.cat([of_views[1], of_views[0]])
        loss = loss - 2 * (swapped * logs).sum(-1).mean() / terms
        logs = F.log_softmax(said[(LOCALS_V2 + 2) * count :], dim=-1)
        loss = loss - ((targets[1] * logs).sum(-1) * self.weights).sum() / (2 * count)
        for tokens in class_tokens.float().chunk(2):
            tokens = F.normalize(tokens, dim=-1, eps=1e-8)
            with torch.no_grad():
                nearest = (tokens @ tokens.T).fill_diagonal_(-1).argmax(1)
            loss = loss - 0.1 * (F.pairwise_distance(tokens, tokens[nearest], eps=1e-8) + 1e-8).log().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 3.0)
        torch.nn.utils.clip_grad_norm_(self.head.parameters(), 3.0)
        self.optimiser.step()
        with torch.no_grad():
            for ours, theirs in [(self.student, self.teacher), (self.head, self.teacher_head)]:
                ours, theirs = list(ours.parameters()), list(theirs.parameters())
                torch._foreach_mul_(theirs, 0.996)
                torch._foreach_add_(theirs, ours, alpha=0.004)
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
            kinds = {"dino": Distiller, "dinov2": DistillerV2}
            self.trainers[model, mode] = kinds.get(model.split("/")[0], Trainer)(model, mode)
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
        loss, peak = loss.item() if loss is not None else None, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"wall": wall, "cpu": cpu, "loss": loss, "warmup": warmup, "peak_mib": peak / 1024}

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
