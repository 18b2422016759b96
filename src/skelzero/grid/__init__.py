"""Many jobs on many processes and machines: imports, encoding and comparisons hand their work to a crew."""

from skelzero.grid.backends import open_crew
from skelzero.grid.crew import Crew, GivenUpError, as_completed, cores, in_order, one_thread

__all__ = ["Crew", "GivenUpError", "as_completed", "cores", "in_order", "one_thread", "open_crew"]
