"""misp-stix, unmodified, reads the bundles in STIX_OURS and finds what the events in MISP_EVENTS hold; it writes
bundles of those events into STIX_THEIRS, which the caller imports. stix2-validator accepts every object of ours.

    STIX_OURS    directory of our exports, one an event, named by its UUID, one STIX object a line
    STIX_THEIRS  directory for misp-stix's
    MISP_EVENTS  directory of MISP events
"""

import glob
import json
import os
import warnings
from uuid import uuid4

import stix2
from misp_stix_converter import InternalSTIX2toMISPParser, MISPtoSTIX21Parser
from pymisp import MISPEvent
from stix2validator import ValidationOptions, validate_instance

from checks import check, env, equal, run

warnings.filterwarnings("ignore")
OURS, THEIRS, EVENTS = env("STIX_OURS"), env("STIX_THEIRS"), env("MISP_EVENTS")
events = {}


def load():
    for path in glob.glob(os.path.join(EVENTS, "*.json")):
        doc = json.load(open(path))
        doc = doc.get("response", doc)
        doc = doc[0] if isinstance(doc, list) else doc
        events[doc["Event"]["uuid"]] = doc["Event"]
    check("there are events", events)


def live(attributes):
    return [a for a in attributes or [] if not a.get("deleted")]


def ours(uuid):
    with open(os.path.join(OURS, uuid + ".json")) as f:
        return {"type": "bundle", "id": f"bundle--{uuid4()}", "objects": [json.loads(line) for line in f if line.strip()]}


def they_read_ours():
    for uuid, e in sorted(events.items()):
        p = InternalSTIX2toMISPParser()
        p.load_stix_bundle(stix2.parse(ours(uuid), allow_custom=True))
        p.parse_stix_bundle()
        check(f"{uuid}: misp-stix reads it without a fault", not p.errors, str(p.errors)[:500])
        got = {(a.type, a.value.lower() if isinstance(a.value, str) else a.value) for a in p.misp_event.attributes}
        want = {(a["type"], a["value"].lower()) for a in live(e.get("Attribute"))}
        # A registry key's hive is written out, as the standard demands.
        lost = {w for w in want - got if not w[0].startswith("regkey")}
        check(f"{uuid}: and finds every attribute", not lost, sorted(lost)[:5])
        equal(f"{uuid}: and every object", len(p.misp_event.objects), len([o for o in e.get("Object", []) if not o.get("deleted")]))


def validate():
    options = ValidationOptions(version="2.1", silent=True)
    n, errors = 0, []
    for uuid in events:
        for o in ours(uuid)["objects"]:
            n += 1
            errors += [f"{o['id']}: {x}" for x in validate_instance(o, options).errors or []]
    check(f"stix2-validator: 0 errors in {n} objects", not errors, errors[:5])


def they_write():
    written = 0
    for uuid, e in events.items():
        m = MISPEvent()
        m.from_dict(**e)
        p = MISPtoSTIX21Parser()
        try:
            p.parse_misp_event(m)
        except Exception:  # noqa: BLE001 - an event that misp-stix itself cannot write
            continue
        open(os.path.join(THEIRS, uuid + ".json"), "w").write(p.bundle.serialize())
        written += 1
    check("misp-stix writes nearly all of them", written >= len(events) - 1, written)


run(load, they_read_ours, validate, they_write)
