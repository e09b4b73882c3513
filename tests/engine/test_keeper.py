"""What is left of a cluster of our own when its driver is killed: nothing."""

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


def test_processes_of_ray_in_the_folder_end_with_a_driver_that_is_killed_and_no_others() -> None:
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        folder, agent, reader = driver.stdout.readline().split()
        assert Path(folder).is_dir() and left_over([int(agent)])
        driver.kill()
    assert wait_for(lambda: not left_over([int(agent)]) and not Path(folder).exists(), 10)
    assert left_over([int(reader)])
    os.kill(int(reader), signal.SIGKILL)
