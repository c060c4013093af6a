"""Reads Sigma rules with pySigma, as converters do: every rule is parsed, its conditions too."""
import sys

import yaml
from sigma.collection import SigmaCollection

with open(sys.argv[1], encoding="utf-8") as f:
    collection = SigmaCollection.from_dicts([d for d in yaml.safe_load_all(f) if d is not None], collect_errors=True)
wrong = 0
for rule in collection.rules:
    faults = list(rule.errors)
    if not faults:
        try:
            for condition in rule.detection.parsed_condition:
                condition.parse()
        except Exception as e:  # whatever a reader's grammar raises
            faults.append(e)
    if faults:
        wrong += 1
        print("error:", rule.title, faults[:3])
for e in collection.errors:
    print("error:", e)
print(f"{len(collection.rules)} rules read, {wrong} wrong")
sys.exit(1 if wrong or collection.errors or not collection.rules else 0)
