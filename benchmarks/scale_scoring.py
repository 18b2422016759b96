"""SCALE's scores for 10,000 clips by 120 classes, and time per clip against a diffusion transformer.

The reference scores a clip as TDSM (arXiv 2411.10745) does: for every class one denoising pass of a transformer of 12
blocks, 768 wide, over the clip's tokens and the class's text tokens. It is written here in plain PyTorch as a DiT
(adaptive layer norm, joint attention, 12 heads, MLP of 4 x 768) with random weights; time does not depend on them.
Assumed are 1 skeleton token (one pooled feature, as SCALE gets it) and 35 text tokens: 3.1 G multiply-adds a class,
which is what the "16,000 times fewer operations" of SCALE's paper come to at five classes. The reference runs one clip
with a few classes in one batch and is scaled linearly to all classes; how linear it is, is measured too.

Text encoders are left out on both sides; SCALE's own text module is part of the time. Both sides run in turn in one
process, with the same threads and allocator, once as the system's allocator comes and once with freed blocks kept.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional as F

from pairs import arguments, compare, put
from skelzero.encoders.memory import keep_freed_memory
from skelzero.methods import METHODS, Scale
from skelzero.methods.scale import energy
from skelzero.text import TextBank

CLIPS, CLASSES, WIDTH, THREADS = 10_000, 120, 256, 2
TEXT_WIDTH, TEXT_TOKENS, KINDS = 384, 40, ("action", "motion")
LINEAR_CLASSES, LINEAR_CLIPS = (10, 30, 60, 120, 240, 480, 960), 1_000
MAX_SECONDS, MAX_MEGABYTES, MIN_RATIO = 4.0, 1024.0, 5_000.0
"""Requirements."""

BLOCKS, MODEL, HEADS = 12, 768, 12
SKELETON_TOKENS, PROMPT_TOKENS = 1, 35
REFERENCE_CLASSES = 24
"""Classes that the reference scores at once; as many rows of tokens as keep matrix products at full rate."""


class Block(nn.Module):
    """A DiT block: attention and MLP, each scaled, shifted and gated by the condition."""

    def __init__(self) -> None:
        super().__init__()
        self.condition = nn.Linear(MODEL, 6 * MODEL)
        self.qkv, self.out = nn.Linear(MODEL, 3 * MODEL), nn.Linear(MODEL, MODEL)
        self.mlp = nn.Sequential(nn.Linear(MODEL, 4 * MODEL), nn.GELU(), nn.Linear(4 * MODEL, MODEL))

    def forward(self, h: Float[Tensor, "K L D"], condition: Float[Tensor, "K D"]) -> Float[Tensor, "K L D"]:
        parts = self.condition(F.silu(condition))[:, None].chunk(6, dim=-1)  # 6 x (K, 1, D)
        y = F.layer_norm(h, (MODEL,)) * (1 + parts[0]) + parts[1]
        q, k, v = self.qkv(y).view(*y.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4)  # (3, K, H, L, D / H)
        h = h + parts[2] * self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return h + parts[5] * self.mlp(F.layer_norm(h, (MODEL,)) * (1 + parts[3]) + parts[4])


class DiffusionTransformer(nn.Module):
    """One denoising pass for each class; the energy of a class is the error of the predicted noise."""

    def __init__(self) -> None:
        super().__init__()
        self.skeleton, self.prompt = nn.Linear(WIDTH, MODEL), nn.Linear(MODEL, MODEL)
        self.time, self.summary = nn.Linear(MODEL, MODEL), nn.Linear(MODEL, MODEL)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.head = nn.Linear(MODEL, WIDTH)

    def scores(
        self, x: Float[Tensor, " X"], noise: Float[Tensor, " X"], prompts: Float[Tensor, "K L D"],
        step: Float[Tensor, " D"],
    ) -> Float[Tensor, " K"]:  # fmt: skip
        """Scores of one clip under every class."""
        clip = self.skeleton(x + noise).expand(len(prompts), SKELETON_TOKENS, MODEL)
        h = torch.cat([clip, self.prompt(prompts)], dim=1)  # (K, 1 + 35, D)
        condition = self.time(step) + self.summary(prompts.mean(dim=1))
        for block in self.blocks:
            h = block(h, condition)
        predicted = self.head(F.layer_norm(h[:, :SKELETON_TOKENS], (MODEL,))).mean(dim=1)
        return -(predicted - noise).square().mean(dim=-1)


def reference_multiply_adds() -> float:
    """Of one clip and class: linear maps of all tokens, attention, and the condition."""
    tokens = SKELETON_TOKENS + PROMPT_TOKENS
    return BLOCKS * (tokens * 12 * MODEL**2 + 2 * tokens**2 * MODEL + 6 * MODEL**2)


def filler_bank(classes: int) -> TextBank:
    """Texts of as many classes as wanted, as wide and as long as MiniLM makes them."""
    rng = np.random.default_rng(0)
    tokens = {k: rng.standard_normal((classes, TEXT_TOKENS, TEXT_WIDTH)).astype(np.float32) for k in KINDS}
    pooled = {k: v.mean(axis=1) for k, v in tokens.items()}
    mask = {k: np.ones(v.shape[:2], dtype=bool) for k, v in tokens.items()}
    names = tuple(f"filler:{i}" for i in range(classes))
    return TextBank(names, names, KINDS, pooled, tokens, mask, "filler", "0" * 64)


def fitted(x: Float32[np.ndarray, "N D"]) -> Scale:
    """SCALE in its published widths; two steps of training make its weights, whose values do not matter here."""
    y = np.arange(400) % 20
    method = METHODS["scale"](steps=2, latent=128).fit(x[:400], y, filler_bank(20))
    assert isinstance(method, Scale)
    return method


def check_equal(method: Scale, x: Float32[np.ndarray, "N D"], bank: TextBank) -> float:
    """The scores are those of the plain formula for every pair; returns the largest difference."""
    side = energy.class_side(method.net_, method.net_.text(method._class_texts(bank)))
    clips = torch.from_numpy(method.standardizer_(x))
    q = method.net_.posterior_of(clips)
    reconstruction = energy.reconstruction_matrix(method.net_, clips, q.mean, side)
    plain = energy.combine(reconstruction, energy.kl_matrix(q, side.prior), method.settings.lambda_k, "full")
    # Each class's zero is its mean energy over the reference clips; both sides are compared by differences of clips.
    scores = method.scores(x, bank)
    difference = float(np.abs((plain - plain[:1]).numpy() + (scores - scores[:1])).max())
    assert difference < 1e-4, f"scores differ by {difference}"
    return difference


def seconds(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and minimum."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return statistics.median(found), min(found)


def linearity(method: Scale, x: Float32[np.ndarray, "N D"]) -> dict[str, object]:
    """Milliseconds for each number of classes, and how the cost of one more class changes from 60-120 to 480-960."""
    least = {}
    for classes in LINEAR_CLASSES:
        bank = filler_bank(classes)
        method.scores(x[:64], bank)
        least[classes] = seconds(lambda b=bank: method.scores(x, b), 5)[1] * 1e3  # type: ignore[misc]
    slopes = [(least[b] - least[a]) / (b - a) for a, b in ((60, 120), (480, 960))]
    figures: dict[str, object] = {f"ms_{classes}_classes": value for classes, value in least.items()}
    return {"linearity_clips": len(x), **figures, "cost_of_one_more_class_960_over_120": slopes[1] / slopes[0]}


def against_the_transformer(method: Scale, x: Float32[np.ndarray, "N D"], pairs: int) -> dict[str, object]:
    """Seconds a clip of both sides, in turn, for the same number of classes."""
    torch.manual_seed(0)
    model, bank = DiffusionTransformer().eval(), filler_bank(CLASSES)
    clip, noise, step = torch.randn(WIDTH), torch.randn(WIDTH), torch.randn(MODEL)
    prompts = torch.randn(REFERENCE_CLASSES, PROMPT_TOKENS, MODEL)
    half = seconds(lambda: model.scores(clip, noise, prompts[: REFERENCE_CLASSES // 2], step), 5)[1]
    figures: dict[str, object] = {}
    for allocator in ("default", "kept"):
        if allocator == "kept" and not keep_freed_memory():
            break
        found = compare(lambda: model.scores(clip, noise, prompts, step), lambda: method.scores(x, bank), pairs)
        for kind in ("median", "min"):
            theirs = found[f"reference_{kind}"] * CLASSES / REFERENCE_CLASSES
            ours = found[f"ours_{kind}"] / len(x)
            figures |= {f"{allocator}_transformer_s_per_clip_{kind}": theirs,
                        f"{allocator}_ours_us_per_clip_{kind}": ours * 1e6,
                        f"{allocator}_ratio_{kind}": theirs / ours}  # fmt: skip
        figures.setdefault("transformer_time_of_24_over_12_classes", found["reference_min"] / half)
    return figures


@torch.inference_mode()
def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    torch.set_num_threads(THREADS)
    x: Float32[np.ndarray, "N D"] = np.random.default_rng(0).standard_normal((CLIPS, WIDTH)).astype(np.float32)
    with torch.inference_mode(False):
        method = fitted(x)
    bank = filler_bank(CLASSES)
    difference = check_equal(method, x[:64], bank)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    median, least = seconds(lambda: method.scores(x, bank), max(5, options.pairs))
    # Taken before the transformer exists: this is what scoring needs, interpreter and libraries included.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ours = 0.295e6 + CLASSES * 0.131e6
    versus = against_the_transformer(method, x, options.pairs)
    ratio = min(value for key, value in versus.items() if "_ratio_" in key and isinstance(value, float))
    figures: dict[str, object] = {
        "clips": CLIPS, "classes": CLASSES, "threads": THREADS, "largest_difference": difference,
        "seconds_median": median, "seconds_min": least, "peak_megabytes": peak, "peak_before_megabytes": loaded,
        **linearity(method, x[:LINEAR_CLIPS]),
        "transformer": f"{BLOCKS} blocks, {MODEL} wide, {SKELETON_TOKENS} + {PROMPT_TOKENS} tokens, 1 pass a class",
        "transformer_measured": f"1 clip x {REFERENCE_CLASSES} classes, scaled linearly to {CLASSES}",
        "transformer_gmac_per_class": reference_multiply_adds() / 1e9,
        "ratio_of_multiply_adds": CLASSES * reference_multiply_adds() / ours, **versus,
        "requirement": f"{MAX_SECONDS:g} s, {MAX_MEGABYTES:g} MB, {MIN_RATIO:g} times",
        "met": least < MAX_SECONDS and peak < MAX_MEGABYTES and ratio >= MIN_RATIO,
    }  # fmt: skip
    put("SCALE scoring, and against a diffusion transformer", figures, options.json)


if __name__ == "__main__":
    main()
