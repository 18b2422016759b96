"""Recognition: recordings of any kind, words of one's own, time-stamped answers."""

from skelzero.recognize.recognizer import Recognition, Recognizer
from skelzero.recognize.segments import Ranked, Segment

__all__ = ["Ranked", "Recognition", "Recognizer", "Segment"]
