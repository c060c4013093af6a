"""A partner organisation's own PyMISP, unmodified, against MISP_URL.

    MISP_URL      the origin, or the origin with /misp/
    MISP_KEY      key of the organisation that shares
    MISP_KEY_B    key of another organisation here
    MISP_MODE     thread (default): constructor, one event through its life, what the other organisation sees
                  push: every file of MISP_EVENTS goes in and is compared, field by field, with what comes back
    MISP_EVENTS   folder of events, in any of the wrappers people use

Each comparison of one event's one aspect is a check of its own, so that a failure names file and aspect.
"""

import base64
import copy
import io
import json
import logging
import pathlib
import time
import uuid
import zipfile

import pymisp
from pymisp import MISPEvent, MISPObject, PyMISP

from checks import check, env, equal, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)
URL, KEY = env("MISP_URL"), env("MISP_KEY")


def connect(key):
    return PyMISP(URL, key, ssl=False, timeout=120)


def body(answer):
    """An answer's error body, or None: PyMISP hands 4xx back as {"errors": (code, body)}."""
    return answer.get("errors") if isinstance(answer, dict) else None


def uuids(found):
    return {e["Event"]["uuid"] if isinstance(e, dict) else e.uuid for e in found}


# --- one event through its life ------------------------------------------------------------------

MARK = uuid.uuid4().hex[:10]
DOMAIN, IP, TAG = f"{MARK}.example.rs", "198.51.100.23", f"e2e:run={MARK}"


class Thread:
    def constructor(self):
        self.a = connect(KEY)
        self.b = connect(env("MISP_KEY_B"))
        version = self.a.misp_instance_version
        check("version is 2.5.x", str(version.get("version", "")).startswith("2.5."), version)
        equal("recommended PyMISP is named", "version" in self.a.recommended_pymisp_version, True)
        me = self.a.get_user("me")
        for part in ("User", "Role", "Organisation"):
            check(f"users/view/me has {part}", part in me or part == "User", list(me))
        types = self.a.describe_types
        check("describeTypes tells of ip-src", "ip-src" in types["types"], len(types["types"]))
        wrong = None
        try:
            PyMISP(URL, "0" * 40, ssl=False)
        except pymisp.exceptions.PyMISPError as e:
            wrong = e
        check("a wrong key is refused", wrong is not None)

    def add(self):
        e = MISPEvent()
        e.info, e.distribution, e.threat_level_id, e.analysis = f"Пецање {MARK}", 0, 2, 1
        e.add_tag("tlp:green")
        e.add_tag(TAG)
        e.add_attribute("domain", DOMAIN, comment="лажна страница")
        e.add_attribute("ip-dst", IP, to_ids=True)
        e.add_attribute("sha256", "A" * 64)
        e.add_attribute("attachment", "prilog.txt", data=io.BytesIO("сведочење".encode()))
        o = MISPObject("file", standalone=False)
        o.add_attribute("filename", "racun.pdf.exe")
        o.add_attribute("md5", "d41d8cd98f00b204e9800998ecf8427e")
        e.add_object(o)
        o.add_reference(e.attributes[0].uuid, "communicates-with")
        self.event = e
        back = self.a.add_event(e)
        if not check("events/add gives the event", "Event" in back, back):
            raise RuntimeError(back)
        equal("the event keeps its uuid", back["Event"]["uuid"], e.uuid)
        again = self.a.add_event(e)
        check("adding it again is refused with 404", body(again) and again["errors"][0] == 404, again)

    def get(self):
        back = self.a.get_event(self.event.uuid, pythonify=True)
        compare("thread", json.loads(self.event.to_json()), json.loads(back.to_json()))
        check("event_exists", self.a.event_exists(self.event.uuid) is True)
        check("a uuid never given does not exist", self.a.event_exists(str(uuid.uuid4())) is False)
        numeric = self.a.get_event(back.id)
        equal("found by its number", numeric["Event"]["uuid"], self.event.uuid)
        for k in ("id", "timestamp", "distribution", "threat_level_id", "attribute_count"):
            check(f"{k} is a string", isinstance(numeric["Event"].get(k), str), repr(numeric["Event"].get(k)))
        check("published is a boolean", isinstance(numeric["Event"]["published"], bool))

    def search(self):
        me = self.event.uuid
        find = lambda **q: uuids(self.a.search(controller="events", **q))
        equal("search by value", find(value=DOMAIN), {me})
        equal("search by value, other case", find(value=DOMAIN.upper()), {me})
        equal("search by pattern", find(value=f"%{MARK}%"), {me})
        equal("search by tag", find(tags=[TAG]), {me})
        equal("search by an unknown tag", find(tags=["e2e:never"]), set())
        equal("search by uuid", find(uuid=me), {me})
        equal("search by eventinfo", find(eventinfo=f"%{MARK}%"), {me})
        check("search by time, last hour", me in find(timestamp="1h"))
        equal("search by time, the future", find(timestamp=[int(time.time()) + 3600, int(time.time()) + 7200]), set())
        check("search by date", me in find(date_from=time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))))
        equal("search by type and value", find(value=IP, type_attribute="ip-dst", tags=[TAG]), {me})
        equal("not by the wrong type", find(value=DOMAIN, type_attribute="ip-dst"), set())
        got = self.a.search(controller="attributes", value=DOMAIN)["Attribute"]
        equal("attribute search", [(x["type"], x["value"], x["Event"]["uuid"]) for x in got], [("domain", DOMAIN, me)])
        equal("object search", [o["Object"]["name"] for o in self.a.search(controller="objects", uuid=me)], ["file"])
        slim = self.a.search(controller="events", uuid=me, metadata=True)
        check("metadata leaves attributes out", slim and not slim[0]["Event"].get("Attribute"), slim)
        data = self.a.search(controller="attributes", uuid=me, type_attribute="attachment", with_attachments=True)
        equal("attachment comes back", base64.b64decode(data["Attribute"][0]["data"]).decode(), "сведочење")
        equal("index lists it", [e["uuid"] for e in self.a.search_index(tags=[TAG])], [me])
        csv = self.a.search(controller="attributes", value=DOMAIN, return_format="csv")
        check("csv has the value", DOMAIN in str(csv), csv)
        equal("limit and page", len(self.a.search(controller="attributes", uuid=me, limit=2, page=1)["Attribute"]), 2)

    def others(self):
        """Own organisation only: the other one must not learn that it exists."""
        me = self.event.uuid
        check("the other organisation gets 404", body(self.b.get_event(me)) and self.b.get_event(me)["errors"][0] == 404, self.b.get_event(me))
        equal("nor finds it by value", self.b.search(controller="events", value=DOMAIN), [])
        equal("nor its attribute", self.b.search(controller="attributes", value=DOMAIN).get("Attribute"), [])
        equal("nor by tag", self.b.search(controller="events", tags=[TAG]), [])
        check("nor by HEAD", self.b.event_exists(me) is False)
        check("nor may it be deleted", body(self.b.delete_event(me)) is not None)

    def edit(self):
        e = self.a.get_event(self.event.uuid, pythonify=True)
        first = e.attributes[0]
        old = MISPEvent(force_timestamps=True)  # an edited event goes without its timestamp otherwise
        old.from_dict(**json.loads(e.to_json()))
        old.info, old.timestamp = "старо", int(e.timestamp.timestamp()) - 10
        refused = self.a.update_event(old)
        check("an older copy is refused with 403", body(refused) and refused["errors"][0] == 403, refused)
        time.sleep(1.1)  # MISP's clock ticks in seconds; the next change must be newer
        up = self.a.update_attribute({"uuid": first.uuid, "comment": "проверено"}, attribute_id=first.uuid)
        check("attribute edited", "Attribute" in up and up["Attribute"]["comment"] == "проверено", up)
        new = self.a.add_attribute(e.uuid, {"type": "url", "value": f"hxxp://{DOMAIN}/uplata"})
        check("a url is refanged", "Attribute" in new and new["Attribute"]["value"] == f"http://{DOMAIN}/uplata", new)
        bad = self.a.add_attribute(e.uuid, {"type": "ip-dst", "value": "није адреса"})
        check("an invalid value is refused with 403", body(bad) and bad["errors"][0] == 403, bad)
        gone = self.a.delete_attribute(new["Attribute"]["uuid"])
        check("attribute deleted", "message" in gone, gone)
        left = self.a.get_event(e.uuid, pythonify=True)
        check("a deleted attribute is not shown", new["Attribute"]["uuid"] not in {a.uuid for a in left.attributes})
        shown = self.a.get_event(e.uuid, deleted=True, pythonify=True)
        check("it is kept, marked", any(a.uuid == new["Attribute"]["uuid"] and a.deleted for a in shown.attributes))
        tag = self.a.tag(e.uuid, f"e2e:later={MARK}")
        check("tagged", body(tag) is None, tag)
        check("the tag shows", f"e2e:later={MARK}" in {t.name for t in self.a.get_event(e.uuid, pythonify=True).tags})
        check("untagged", body(self.a.untag(e.uuid, f"e2e:later={MARK}")) is None)

    def publish(self):
        me = self.event.uuid
        # An attribute's own distribution holds beside the event's, so the whole event goes up with one edit.
        e = self.a.get_event(me, pythonify=True)
        time.sleep(1.1)
        up = self.a.update_event({"uuid": me, "distribution": 1})
        check("distribution raised", "Event" in up and up["Event"]["distribution"] == "1", up)
        check("published", body(self.a.publish(me)) is None)
        check("publish shows", self.a.get_event(me, pythonify=True).published is True)
        seen = self.b.get_event(me, pythonify=True)
        if check("the other organisation sees it now", isinstance(seen, MISPEvent), seen):
            equal("whole", {a.uuid for a in seen.attributes}, {a.uuid for a in e.attributes})
        equal("and finds it by value", uuids(self.b.search(controller="events", value=DOMAIN)), {me})
        check("found by publish time", me in uuids(self.b.search(controller="events", publish_timestamp="1h")))
        refused = self.b.add_attribute(me, {"type": "domain", "value": f"strano-{MARK}.example.rs"})
        late = self.a.get_event(me, pythonify=True)
        check("but does not change it", not any(a.value.startswith("strano-") for a in late.attributes), refused)

    def correlate(self):
        e = MISPEvent()
        e.info, e.distribution = f"Други догађај {MARK}", 0
        e.add_attribute("domain", DOMAIN)
        mine = self.b.add_event(e)
        check("the other organisation adds its own", "Event" in mine, mine)
        related = {r["Event"]["uuid"] for r in self.b.get_event(e.uuid)["Event"].get("RelatedEvent", [])}
        equal("it sees the correlation", related, {self.event.uuid})
        hidden = {r["Event"]["uuid"] for r in self.a.get_event(self.event.uuid)["Event"].get("RelatedEvent", [])}
        # The thread runs twice on one server, and the events of both runs share an address: those may show.
        check("the owner of the other side does not: that event is not shared", e.uuid not in hidden, hidden)
        check("deleted again", body(self.b.delete_event(e.uuid)) is None)
        check("and gone", self.b.event_exists(e.uuid) is False)


# --- every real event, compared ------------------------------------------------------------------

# MISP lowers these on the way in, so they are compared lowered.
LOWERED = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ssdeep", "imphash", "pehash", "authentihash", "domain",
           "hostname", "email-src", "email-dst", "email"}
EVENT = ("uuid", "info", "date", "threat_level_id", "analysis", "distribution", "timestamp", "extends_uuid", "disable_correlation")
ATTRIBUTE = ("type", "category", "to_ids", "comment", "timestamp", "distribution", "disable_correlation", "deleted", "object_relation")
OBJECT = ("name", "meta-category", "description", "template_uuid", "template_version", "comment", "timestamp", "distribution", "deleted")
REFERENCE = ("referenced_uuid", "relationship_type", "comment")
REPORT = ("uuid", "name", "content")
EMPTY = {None, "", False, "0", "None"}


def plain(v):
    """One spelling for what MISP sends as number, string or boolean."""
    if isinstance(v, bool):
        return "1" if v else "0"
    return "" if v is None else str(v)


def fields(row, names):
    out = {n: plain(row.get(n)) for n in names}
    for n in ("deleted", "disable_correlation", "to_ids"):
        if n in out and out[n] in ("", "False"):
            out[n] = "0"
    return out


def value(a):
    v = str(a.get("value", "")).strip().replace("\r\n", "\n")
    t = a.get("type", "")
    if t in LOWERED or t.startswith("filename|"):
        return v.lower()
    return v


def instant(s):
    """first_seen and last_seen in UTC, to the microsecond."""
    if not s:
        return ""
    from datetime import datetime, timezone
    d = datetime.fromisoformat(str(s).replace("Z", "+00:00"))
    return (d if d.tzinfo else d.replace(tzinfo=timezone.utc)).astimezone(timezone.utc).isoformat(timespec="microseconds")


def payload(a):
    """The attachment's bytes; of a malware sample the bytes inside its archive (each archive is encrypted anew)."""
    if not a.get("data"):
        return None
    raw = base64.b64decode(a["data"])
    if a.get("type") == "malware-sample":
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as z:
                z.setpassword(b"infected")
                return sorted(z.read(n) for n in z.namelist() if not n.endswith(".filename.txt"))
        except zipfile.BadZipFile:
            return raw
    return raw


def attributes_of(event):
    for a in event.get("Attribute") or []:
        yield None, a
    for o in event.get("Object") or []:
        for a in o.get("Attribute") or []:
            yield o["uuid"], a


def tags(row):
    return {t["name"].lower() for t in row.get("Tag") or []}


def differ(want, got, names):
    w, g = fields(want, names), fields(got, names)
    return {n: (w[n], g[n]) for n in names if w[n] != g[n] and n in want}


def compare(label, want, got):
    """Compares what was sent with what came back, one check per aspect."""
    equal(f"{label}: event", differ(want, got, EVENT), {})
    if want.get("Orgc") and label != "thread":
        equal(f"{label}: creator", (got.get("Orgc") or {}).get("uuid"), want["Orgc"]["uuid"])
    check(f"{label}: event tags", tags(want) <= tags(got), tags(want) - tags(got))

    mine = {a["uuid"]: (o, a) for o, a in attributes_of(got)}
    # A second attribute of equal value, type and category in one place is merged into the first, as MISP does.
    places = {(o, a["type"], a["category"], value(a)) for o, a in attributes_of(got)}
    missing, wrong, untagged, data = [], [], [], []
    n = 0
    for o, a in attributes_of(want):
        n += 1
        if a["uuid"] not in mine:
            if (o, a["type"], a["category"], value(a)) not in places:
                missing.append((a["type"], a.get("value")))
            continue
        where, b = mine[a["uuid"]]
        d = differ(a, b, ATTRIBUTE)
        if value(a) != value(b):
            d["value"] = (a["value"], b["value"])
        for when in ("first_seen", "last_seen"):
            if instant(a.get(when)) != instant(b.get(when)):
                d[when] = (a.get(when), b.get(when))
        if where != o:
            d["object"] = (o, where)
        if d:
            wrong.append((a["type"], a.get("value", "")[:60], d))
        if not tags(a) <= tags(b):
            untagged.append((a["uuid"], tags(a) - tags(b)))
        if a.get("data") and payload(a) != payload(b):
            data.append((a["type"], a["value"]))
    check(f"{label}: all {n} attributes are there", not missing, missing[:5])
    check(f"{label}: attributes equal", not wrong, f"{len(wrong)} differ: {wrong[:3]}")
    check(f"{label}: attribute tags", not untagged, untagged[:3])
    check(f"{label}: attachments equal", not data, data[:5])
    extra = set(mine) - {a["uuid"] for _, a in attributes_of(want)}
    check(f"{label}: nothing invented", not extra, list(extra)[:5])

    objects = {o["uuid"]: o for o in got.get("Object") or []}
    lost, off = [], []
    for o in want.get("Object") or []:
        b = objects.get(o["uuid"])
        if b is None:
            lost.append(o["name"])
            continue
        d = differ(o, b, OBJECT)
        refs = lambda x: sorted(tuple(fields(r, REFERENCE).values()) for r in x.get("ObjectReference") or [])
        if refs(o) != refs(b):
            d["references"] = (refs(o)[:3], refs(b)[:3])
        if d:
            off.append((o["name"], d))
    check(f"{label}: objects there", not lost, lost[:5])
    check(f"{label}: objects and references equal", not off, f"{len(off)} differ: {off[:2]}")

    reports = {r["uuid"]: r for r in got.get("EventReport") or []}
    bad = [r["name"] for r in want.get("EventReport") or [] if differ(r, reports.get(r["uuid"], {}), REPORT)]
    check(f"{label}: event reports", not bad, bad)


def unwrap(doc):
    """Yields the bare events of a document: {"Event":…}, {"response":[…]}, lists, or bare."""
    if isinstance(doc, list):
        for d in doc:
            yield from unwrap(d)
    elif "response" in doc:
        yield from unwrap(doc["response"])
    elif "Event" in doc:
        yield doc["Event"]
    else:
        yield doc


def push():
    misp = connect(KEY)
    files = sorted(pathlib.Path(env("MISP_EVENTS")).glob("*.json"))
    check("there are events to push", len(files) >= 20, len(files))
    everything = []
    for f in files:
        for want in unwrap(json.loads(f.read_text(encoding="utf-8"))):
            label = f.stem[:40]
            e = MISPEvent()
            e.from_dict(**copy.deepcopy(want))  # PyMISP takes its argument apart
            back = misp.add_event(e)
            if not check(f"{label}: pushed", "Event" in back, back):
                continue
            got = misp.get_event(want["uuid"], deleted=[0, 1])
            if not check(f"{label}: read back", "Event" in got, got):
                continue
            # What PyMISP itself sends is what counts: it drops what it does not know.
            compare(label, json.loads(e.to_json()), got["Event"])
            everything.append((want, got["Event"]))
    for want, got in everything:
        a = next((a for _, a in attributes_of(want) if a["type"] in ("md5", "sha1", "sha256", "domain", "ip-dst", "url") and not a.get("deleted")), None)
        if a is None:
            continue
        check(f"{want['info'][:30]}: found by value", want["uuid"] in uuids(misp.search(controller="events", value=a["value"])), a["value"])


if __name__ == "__main__":
    if __import__("os").environ.get("MISP_MODE", "thread") == "push":
        run(push)
    t = Thread()
    run(t.constructor, t.add, t.get, t.search, t.others, t.edit, t.publish, t.correlate)
