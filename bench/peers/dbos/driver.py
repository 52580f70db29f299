"""The steps of the measurement as workflows of DBOS: driver.py URL

Reads requests, one JSON object a line: {"clients": N, "times": M}; runs a workflow of ten steps
M times for N clients, and answers with latencies, seconds and its own processor time.
"""

import json
import os
import sys
import threading
import time

from dbos import DBOS

DBOS(
    config={
        "name": "bench",
        "system_database_url": sys.argv[1],
        "run_admin_server": False,
        "log_level": "ERROR",
    }
)


@DBOS.step()
def step(number):
    return number


@DBOS.workflow()
def ten():
    last = 0
    for number in range(10):
        last = step(number)
    return last


def run(clients, times):
    latencies, lock, left = [], threading.Lock(), iter(range(times))

    def client():
        mine = []
        while True:
            with lock:
                if next(left, None) is None:
                    break
            begin = time.perf_counter()
            assert ten() == 9
            mine.append((time.perf_counter() - begin) * 1e3)
        with lock:
            latencies.extend(mine)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begin, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "latencies": latencies,
        "seconds": time.perf_counter() - begin,
        "cpu_us": int((time.process_time() - cpu) * 1e6),
    }


DBOS.launch()
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
os._exit(0)
