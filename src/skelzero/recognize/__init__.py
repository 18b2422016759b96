"""Recognition: recordings of any kind, words of one's own, time-stamped answers."""

from skelzero.recognize.recognizer import Recognition, Recognizer
from skelzero.recognize.segments import Ranked, Segment
from skelzero.recognize.stream import LiveRecognizer

__all__ = ["LiveRecognizer", "Ranked", "Recognition", "Recognizer", "Segment"]
