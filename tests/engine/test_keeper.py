"""What is left where a driver dies in a cluster: a word about it, and nothing of a cluster of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from raylets import left_over, wait_for

CODE = """
import subprocess, sys, time
from pathlib import Path
from tamis.engine.keeper import Keeper
keeper = Keeper()
with Path(keeper.name, "log").open("w") as log:
    agent = subprocess.Popen(["ray::Agent", "60"], executable="sleep", stdout=log)
    reader = subprocess.Popen(["sleep", "60"], stdout=log)
print(keeper.name, agent.pid, reader.pid, flush=True)
time.sleep(60)
"""

JOINED = """
import os, sys
from tamis.engine.keeper import Keeper
keeper = Keeper("10.0.0.1:6379")
if sys.argv[1] == "leaves":
    keeper.cleanup()
os._exit(1)
"""


def test_processes_of_ray_in_the_folder_end_with_a_driver_that_is_killed_and_no_others() -> None:
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        folder, agent, reader = driver.stdout.readline().split()
        assert Path(folder).is_dir() and left_over([int(agent)])
        driver.kill()
    assert wait_for(lambda: not left_over([int(agent)]) and not Path(folder).exists(), 10)
    assert left_over([int(reader)])
    os.kill(int(reader), signal.SIGKILL)


def test_a_driver_that_ends_in_its_cluster_without_a_word_is_spoken_for_and_one_that_leaves_is_not() -> None:
    said = {
        how: subprocess.run([sys.executable, "-c", JOINED, how], capture_output=True, text=True, timeout=30)
        for how in ("dies", "leaves")
    }
    assert "the Ray cluster at 10.0.0.1:6379" in said["dies"].stderr and said["dies"].stderr.endswith("--resume\n")
    assert said["leaves"].stderr == ""
