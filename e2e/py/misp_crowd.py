"""A crowd of PyMISP clients at once, each with its own process and mixed work.

    MISP_URL, MISP_KEYS   keys with commas between; the clients take them by turns
    CROWD, SECONDS        how many clients, how long
    P99_MS                fail when one call in a hundred takes longer; 0 = only say it
"""

import json
import logging
import multiprocessing
import os
import random
import time
import uuid

from pymisp import MISPAttribute, MISPEvent, MISPSighting, PyMISP

from checks import check, env, equal, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)


class Client:
    """One analyst's script: what it wrote, it finds again; it never waits for another."""

    def __init__(self, n, key):
        self.r = random.Random(n)
        self.n = n
        self.times, self.errors, self.mine = [], [], []
        self.m = PyMISP(env("MISP_URL"), key, ssl=False, timeout=60)

    def ask(self, name, call):
        start = time.monotonic()
        got = call()
        self.times.append((name, time.monotonic() - start))
        if isinstance(got, dict) and got.get("errors"):
            self.errors.append(f"{name}: {got}"[:300])
        return got

    def value(self):
        return f"{self.r.choice(['shared', uuid.uuid4().hex[:12]])}{self.r.randrange(200)}.crowd.example"

    def add(self):
        e = MISPEvent()
        e.info, e.distribution = f"crowd {self.n}", 1
        for _ in range(self.r.choice([1, 5, 10, 40])):
            e.add_attribute("domain", self.value())
        e.add_attribute("domain", f"{uuid.uuid4().hex}.own.example")
        got = self.ask("add_event", lambda: self.m.add_event(e, pythonify=True))
        if isinstance(got, MISPEvent):
            self.mine.append((got.uuid, e.attributes[-1].value, e.attributes[-1].uuid))
            del self.mine[:-30]

    def find(self):
        event, value, _ = self.r.choice(self.mine)
        got = self.ask("search value", lambda: self.m.search(controller="attributes", value=value, pythonify=False))
        if not isinstance(got, dict) or [a["value"] for a in got.get("Attribute", [])] != [value]:
            self.errors.append(f"what was written is not found once: {value}: {str(got)[:200]}")

    def work(self):
        event, value, attribute = self.r.choice(self.mine)
        r = self.r.random()
        if r < 0.15:
            self.add()
        elif r < 0.40:
            self.find()
        elif r < 0.50:
            self.ask("get_event", lambda: self.m.get_event(event, pythonify=False))
        elif r < 0.60:
            a = MISPAttribute()
            a.type, a.value = "domain", f"{uuid.uuid4().hex}.more.example"
            self.ask("add_attribute", lambda: self.m.add_attribute(event, a, pythonify=False))
        elif r < 0.68:
            self.ask("tag", lambda: self.m.tag(event, f"crowd:{self.r.randrange(50)}"))
        elif r < 0.76:
            s = MISPSighting()
            s.value = value
            self.ask("add_sighting", lambda: self.m.add_sighting(s))
        elif r < 0.82:
            self.ask("index", lambda: self.m.search_index(limit=20, page=self.r.randrange(1, 5), pythonify=False))
        elif r < 0.88:
            self.ask("search tag", lambda: self.m.search(tags=[f"crowd:{self.r.randrange(50)}"], limit=10, metadata=True, pythonify=False))
        elif r < 0.93:
            self.ask("publish", lambda: self.m.publish(event))
        elif r < 0.97:
            self.ask("search csv", lambda: self.m.search(controller="attributes", return_format="csv", type_attribute="domain", limit=100))
        else:
            self.ask("version", lambda: self.m.misp_instance_version)


def client(n, key, until, out):
    os.nice(5)  # a client is elsewhere: it must not take the server's processors
    try:
        c = Client(n, key)
        c.add()
        while time.time() < until:
            c.work()
        out.put((c.times, c.errors))
    except Exception as e:  # noqa: BLE001 - whatever ends a client is a finding
        out.put(([], [f"client {n} ended: {e!r}"[:500]]))


class Crowd:
    def all(self):
        keys, crowd = env("MISP_KEYS").split(","), int(env("CROWD"))
        first = PyMISP(env("MISP_URL"), keys[0], ssl=False, timeout=60)
        for i in range(50):  # not everybody may make new ones
            check(f"tag {i}", "errors" not in first.add_tag({"name": f"crowd:{i}"}))
        until = time.time() + float(env("SECONDS"))
        out = multiprocessing.Queue()
        clients = [multiprocessing.Process(target=client, args=(n, keys[n % len(keys)], until, out)) for n in range(crowd)]
        for c in clients:
            c.start()
        ended = [out.get() for _ in clients]
        for c in clients:
            c.join()
        times = sorted(t for ts, _ in ended for _, t in ts)
        errors = [e for _, es in ended for e in es]
        at = lambda p: round(times[min(len(times) - 1, len(times) * p // 100)] * 1000, 1)  # noqa: E731
        by = {}
        for ts, _ in ended:
            for name, t in ts:
                by.setdefault(name, []).append(t)
        worst = {name: round(sorted(ts)[len(ts) * 99 // 100] * 1000) for name, ts in by.items()}
        print(f"{crowd} clients, {env('SECONDS')} s: {len(times)} calls, {len(errors)} errors, p50 {at(50)} ms, p95 {at(95)} ms, p99 {at(99)} ms; "
              f"p99 by call {json.dumps(worst)}", flush=True)
        equal("no call failed", errors[:5], [])
        check("every kind of call was made", len(by) == 11, sorted(by))
        limit = float(env("P99_MS"))
        check("p99", limit == 0 or at(99) <= limit, f"{at(99)} ms, at most {limit}")


if __name__ == "__main__":
    run(Crowd().all)
