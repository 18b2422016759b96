"""The forms of requests and answers, as OpenAPI describes them."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Ranked(BaseModel):
    label: str
    probability: float


class Moment(BaseModel):
    start: float
    end: float
    weight: float


class Part(BaseModel):
    part: str
    weight: float


class Attribute(BaseModel):
    name: str
    says: str
    measured: float
    described: float
    weight: float


class Reason(BaseModel):
    """Why a segment was called so: weights from 0 to 1."""

    joints: dict[str, float]
    moments: list[Moment] = []
    parts: list[Part] = []
    attributes: list[Attribute] = []


class Segment(BaseModel):
    start: float = Field(description="seconds")
    end: float = Field(description="seconds")
    person: int
    labels: list[Ranked] = Field(description="most probable first")
    none_of_these: bool
    reason: Reason | None = None


class Bodies(BaseModel):
    """A recording for drawing."""

    joints: list[str]
    bones: list[tuple[int, int, str]] = Field(description="child, parent, side")
    dims: int
    unit: str
    steps: int = Field(description="positions are whole numbers in steps of 1 / steps of the unit")
    times: list[float] = Field(description="seconds of the frames")
    low: list[float]
    high: list[float]
    front: list[float]
    people: list[Person]


class Person(BaseModel):
    person: int
    frames: list[list[int | None]] = Field(description="for each frame the coordinates of all joints")


class ClipAnswer(BaseModel):
    """One recording of an upload."""

    clip: str
    synthetic: bool
    layout: str
    fps: float | None
    seconds: float
    persons: int
    segments: list[Segment]
    understood: dict[str, str]
    notes: list[str]
    skeleton: Bodies | None = None


class Answer(BaseModel):
    file: str
    model: str
    clips: list[ClipAnswer]


class Mistake(BaseModel):
    what: str
    where: str | None = None
    got: str | None = None
    expected: str | None = None
    next_step: str | None = None


class Failure(BaseModel):
    """Every answer that is not 200."""

    error: Mistake


class Model(BaseModel):
    name: str
    method: str
    trained_on: str
    pipeline: str
    layout: str
    text_encoder: str
    made: str


class Example(BaseModel):
    name: str
    performed: list[str]
    labels: list[str]


class Format(BaseModel):
    name: str
    title: str


class Models(BaseModel):
    models: list[Model]
    formats: list[Format] = Field(description="what can be uploaded")
    examples: list[Example] = Field(description="synthetic recordings that the server can make")
    limits: dict[str, float]


class Health(BaseModel):
    status: str
    version: str
    workers: int
    idle: int
    waiting: int
