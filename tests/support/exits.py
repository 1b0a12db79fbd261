"""The ends of processes in the events of a run."""

from procdemo.demo.events import EXITED
from procdemo.demo.story import sentence_of_exit


def ends(events, sentence="died"):
    """Return the data of the ends that a story tells with this sentence: died, killed or exited."""
    exits = [event.data for event in events if event.name == EXITED]
    return [data for data in exits if sentence_of_exit(data) == sentence]
