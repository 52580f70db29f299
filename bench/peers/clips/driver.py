"""Runs the rules in CLIPS once: titles, chunks, rules file. One line of JSON."""
import json
import sys
from time import perf_counter

import clips

titles, chunks, rules = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
env = clips.Environment()
env.load(rules)
env.reset()
begin = perf_counter()
env.eval(f"(fill {titles} {chunks})")
fired = env.run()
env.eval("(release)")
fired += env.run()
seconds = perf_counter() - begin
facts = sum(1 for _ in env.facts())
print(json.dumps({"seconds": seconds, "firings": fired, "facts": facts}))
