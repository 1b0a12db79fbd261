"""A process of the X-ray has the name that the program gave it, and otherwise its PID."""

import pytest
from xrayed import Xrayed

SOURCE = """
class Baker(mp.Process):
    def __init__(self, place, **options):
        self.place = place
        super().__init__(**options)
        self.oven = "hot"

    def run(self):
        start_more = self.place == "Bern"
        if start_more:
            inner = mp.Process(target=stay, args=("inner",), name="apprentice", daemon=False)
            inner.start()
        stay(self.place)

def stay(name):
    say(name)
    time.sleep(600)

if __name__ == "__main__":
    for process in (
        mp.Process(target=stay, args=("plain",)),
        mp.Process(target=stay, args=("named",), name="producer-0"),
        Baker("Bern", name="baker"),
    ):
        process.start()
    say("main")
    process.join()
"""


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.thorough)])
def test_names_that_were_chosen_are_told(tmp_path, method):
    source = SOURCE.replace("(mp.Process)", f"(multiprocessing.get_context('{method}').Process)")
    with Xrayed(tmp_path, source, method) as program:
        program.wait_for(lambda: program.said.keys() >= {"main", "plain", "named", "Bern", "inner"})
        pids = {name: pid for name, (pid, _) in program.said.items()}
        verdict = program.wait_verdict("sleeping")
        processes = verdict.context.snapshot.processes
        roles = {name: processes[pid].role for name, pid in pids.items()}
        assert roles == {
            "main": "main",
            "plain": f"child {pids['plain']}",
            "named": f"producer-0 {pids['named']}",
            "Bern": f"baker {pids['Bern']}",
            "inner": f"apprentice {pids['inner']}",
        }
        names = {name: processes[pid].given_name for name, pid in pids.items()}
        assert names == {
            "main": "",
            "plain": "",
            "named": "producer-0",
            "Bern": "baker",
            "inner": "apprentice",
        }
        assert f"waits for baker {pids['Bern']} to end" in [
            f"waits for {wait.words}" for node, wait in verdict.waits.items() if node[0] == pids["main"]
        ]
