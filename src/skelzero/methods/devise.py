"""DeViSE: a linear map from features to text vectors, trained to rank (Frome et al., NIPS 2013)."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec
from skelzero.methods.embedding import EmbeddingMethod, EmbeddingNet, EmbeddingSettings
from skelzero.methods.ranking import hinge


class DeviseSettings(EmbeddingSettings):
    """`margin` is that of the hinge rank loss, 0.1 in the paper."""

    rate: float = Field(3e-4, gt=0)
    margin: float = Field(0.1, gt=0)


class DeviseNet(EmbeddingNet):
    """t_c . M x for unit text vectors t_c.

    M starts at zero. What no seen text and no training clip asks for then stays small; random weights would stay there
    for good and speak up for unseen texts.
    """

    def __init__(self, width: int, text_width: int, margin: float) -> None:
        super().__init__()
        self.map = nn.Linear(width, text_width, bias=False)
        nn.init.zeros_(self.map.weight)
        self.margin = margin

    def loss(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], texts: Float[Tensor, "K E"]) -> Float[Tensor, ""]:
        return hinge(self.map(x) @ texts.T, y, self.margin)

    def common(
        self, x: Float[Tensor, "N D"], texts: Float[Tensor, "K E"]
    ) -> tuple[Float[Tensor, "N C"], Float[Tensor, "K C"]]:  # fmt: skip
        return F.normalize(self.map(x), dim=-1), texts


class Devise(EmbeddingMethod):
    """Hinge rank loss over all other seen classes (section 3.3, eq. 1), scored by cosine.

    Kept: one linear map, unit text vectors, the loss with margin 0.1, nearest text by cosine. Not kept: the paper takes
    the first wrong class that violates the margin, where this sums over all of them, as its equation says; it also
    trains the visual network further, which a method on ready features cannot; and texts are centred here.
    """

    Settings: ClassVar[type[MethodSettings]] = DeviseSettings
    kind = "devise"
    settings: DeviseSettings

    @classmethod
    def candidates(cls) -> list[dict[str, Any]]:
        return [{}, {"margin": 0.03}, {"margin": 0.3}]

    def _net(self, width: int, text_width: int) -> DeviseNet:
        return DeviseNet(width, text_width, self.settings.margin)


METHODS.add("devise", MethodSpec("devise", Devise, summary="DeViSE: a linear map to the text, trained to rank"))
