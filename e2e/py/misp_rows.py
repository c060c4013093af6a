"""What clients rely on, area by area, by PyMISP: one step for each area of the table in e2e/misp_rows_test.go.

    MISP_URL          the server
    MISP_KEY_ADMIN    a site administrator
    MISP_KEY_PUB      a publisher of one organisation
    MISP_KEY_SYNC     somebody of the same organisation who may synchronise
    MISP_KEY_USER     a user of another organisation, who may not publish

Every check is named "STEP: what": the Go side counts them by step.
"""

import io
import json
import logging
import time
import uuid
from datetime import datetime, timedelta, timezone

from pymisp import (MISPAttribute, MISPEvent, MISPEventBlocklist, MISPGalaxyCluster, MISPGalaxyClusterRelation, MISPNote, MISPObject, MISPOpinion,
                    MISPOrganisationBlocklist, MISPSharingGroup, MISPSighting, MISPTag, PyMISP, register_user)

import checks
from checks import env, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)
URL = env("MISP_URL")
MARK = uuid.uuid4().hex[:10]
STEP = ""


def check(name, ok, detail=""):
    return checks.check(f"{STEP}: {name}", ok, detail)


def equal(name, got, want):
    return check(name, got == want, f"got {got!r}, want {want!r}")


def errors(answer):
    return answer.get("errors") if isinstance(answer, dict) else None


def code(answer):
    return errors(answer)[0] if errors(answer) else 200


def said(answer):
    """All of an answer as text, errors too."""
    return json.dumps(answer, ensure_ascii=False, default=str)


def event(info, *values, level=0, **more):
    e = MISPEvent(force_timestamps="timestamp" in more)
    e.info, e.distribution = f"{info} {MARK}", level
    for name, v in more.items():
        setattr(e, name, v)
    for v in values:
        e.add_attribute("domain", v)
    return e


def host(name):
    return f"{name}.{MARK}.example.rs"


class Rows:
    def connect(self):
        self.admin, self.pub, self.sync, self.user = (PyMISP(URL, env("MISP_KEY_" + k), ssl=False, timeout=60) for k in ("ADMIN", "PUB", "SYNC", "USER"))
        self.hers = self.pub._current_user.org_id

    def add(self, who, e):
        back = who.add_event(e, pythonify=True)
        if not isinstance(back, MISPEvent):
            raise RuntimeError(back)
        return back

    def ids(self, who, **q):
        return {e.id for e in who.search(pythonify=True, **q)}

    # --- searching --------------------------------------------------------------------------------

    def value(self):
        v = host("value")
        one, two, hidden = self.add(self.pub, event("one", v, level=1)), self.add(self.user, event("two", v, level=1)), self.add(self.user, event("hidden", v))
        got = self.pub.search(controller="attributes", value=v, include_context=True, include_correlations=True, include_sightings=True)["Attribute"]
        equal("only what is seen", [a["event_id"] for a in got], [str(one.id), str(two.id)])
        equal("by id", [int(a["id"]) for a in got], sorted(int(a["id"]) for a in got))
        equal("context nests the event", [a["Event"]["uuid"] for a in got], [one.uuid, two.uuid])
        check("the context names its maker", all("Orgc" in a["Event"] or "orgc_id" in a["Event"] for a in got), got)
        equal("correlations nest attributes with their events", [[r["Event"]["uuid"] for r in a.get("RelatedAttribute", [])] for a in got], [[two.uuid], [one.uuid]])
        self.user.add_sighting({"value": v})
        got = self.pub.search(controller="attributes", value=v, include_sightings=True)["Attribute"]
        check("sightings are nested", all(isinstance(a.get("Sighting"), list) for a in got), got)
        equal("their own event shows both to the other", self.ids(self.user, value=v), {one.id, two.id, hidden.id})

    def type_csv(self):
        e = event("types", host("t"))
        e.add_attribute("ip-src", "198.51.100.21")
        e.add_attribute("ip-dst", "198.51.100.22")
        e = self.add(self.pub, e)
        kinds = self.pub.build_complex_query(or_parameters=["ip-src", "ip-dst"])
        got = self.pub.search(controller="attributes", eventid=e.id, type_attribute=kinds, pythonify=True)
        equal("one of several types", sorted(a.type for a in got), ["ip-dst", "ip-src"])
        lines = self.pub.search(controller="attributes", eventid=e.id, type_attribute=kinds, return_format="csv", pythonify=False).strip().splitlines()
        equal("a line each and a head", len(lines), 3)

    def index(self):
        stamp = int(time.time()) - 86400
        made = [self.add(self.sync, event(f"index{i}", host(f"i{i}"), timestamp=stamp + i, date=f"2026-01-0{i}")) for i in (1, 2, 3)]
        listed = lambda **q: [e.uuid for e in self.sync.search_index(eventinfo=MARK, pythonify=True, **q) if e.info.startswith("index")]
        uuids = [e.uuid for e in made]
        equal("sorted", listed(sort="date"), uuids)
        equal("and turned round", listed(sort="date", desc=True), uuids[::-1])
        pages = [listed(sort="date", limit=1, page=p) for p in range(1, 12)]
        equal("in pages", [u for p in pages for u in p], uuids)
        equal("changed at this second or later", listed(timestamp=stamp + 2, sort="date"), uuids[1:])

    def tags(self):
        a, b = f"rows:a={MARK}", f"rows:b={MARK}"
        e = event("on a part", host("g1"), host("g2"))
        e.attributes[0].add_tag(a)
        e.attributes[1].add_tag(b)
        e = self.add(self.sync, e)
        f = event("on the whole", host("g3"), host("g4"))
        f.add_tag(a)
        f = self.add(self.sync, f)
        equal("a tag on a part finds its event", self.ids(self.sync, tags=[a]), {e.id, f.id})
        equal("an event's tag counts for all it holds", sorted(x.value for x in self.sync.search(controller="attributes", tags=[a], pythonify=True)), [host("g1"), host("g3"), host("g4")])
        got = self.sync.search(tags=self.sync.build_complex_query(or_parameters=[a], not_parameters=[b]), pythonify=True)
        equal("what is excluded is left out of the event", {x.id: sorted(y.value for y in x.attributes) for x in got}.get(e.id, [host("g1")]), [host("g1")])
        equal("nobody knows an unknown one", self.ids(self.sync, tags=["rows:none"]), set())

    def timestamps(self):
        stamp = int(time.time()) - 300  # five minutes ago
        e = event("kept", timestamp=stamp)
        e.add_attribute("domain", host("s"), timestamp=stamp)
        e = self.add(self.sync, e)
        equal("the event's is kept", int(e.timestamp.timestamp()), stamp)
        equal("the attribute's, too", int(e.attributes[0].timestamp.timestamp()), stamp)
        found = lambda t: e.id in self.ids(self.sync, timestamp=t, eventinfo=f"%{MARK}")
        equal("windows", [found("4m"), found("6m"), found(["6m", "4m"]), found(["4m", "2m"])], [False, True, True, False])
        equal("seconds with a fraction", [found(stamp - 0.5), found(float(stamp + 1))], [True, False])

    def published(self):
        e = self.add(self.pub, event("published", host("p"), level=1))
        equal("never published is not found", self.ids(self.pub, publish_timestamp="5m", eventinfo=e.info), set())
        self.pub.publish(e)
        equal("within five minutes", self.ids(self.pub, publish_timestamp="5m", eventinfo=e.info), {e.id})
        equal("not in a window before", self.ids(self.pub, publish_timestamp=["2h", "1h"], eventinfo=e.info), set())
        for rubbish in ("5x", "ad"):
            equal(f"{rubbish} finds nothing and breaks nothing", self.ids(self.pub, publish_timestamp=rubbish), set())

    def metadata(self):
        e = self.add(self.pub, event("Ђачки šum", host("m")))
        equal("letters as they were", self.pub.get_event(e, pythonify=True).info, e.info)
        got = self.pub.search(eventid=e.id, metadata=True)[0]["Event"]
        equal("the head alone", (got["info"], got.get("Attribute", []), got.get("Object", [])), (e.info, [], []))
        check("the body otherwise", len(self.pub.search(eventid=e.id)[0]["Event"]["Attribute"]) == 1)

    def options(self):
        e = event("opcije back\\slash", level=1, date="2025-11-05")
        e.add_attribute("domain", host("o1"), to_ids=True)
        e.add_attribute("domain", host("o2"), to_ids=False, comment=f"search{MARK}")
        e.add_attribute("ip-dst", "8.8.8.8", to_ids=True)
        e.add_attribute("sha256", "b" * 64, to_ids=True)
        e.add_attribute("attachment", "a.txt", data=io.BytesIO(b"content"))
        e = self.add(self.pub, e)
        me, s = {e.id}, lambda **q: self.ids(self.pub, eventid=e.id, **q)
        equal("by number, uuid, organisation", [s(), self.ids(self.pub, uuid=e.uuid), s(org=self.hers)], [me] * 3)
        equal("published or not", [s(published=False), s(published=True)], [me, set()])
        equal("a part of a value", self.ids(self.pub, value=f"%o1.{MARK}%"), me)
        equal("by its day", [s(date_from="2025-11-05", date_to="2025-11-05"), s(date_from="2025-11-06"), s(date_to="2025-11-04")], [me, set(), set()])
        rows = lambda **q: len(self.pub.search(controller="attributes", eventid=e.id, pythonify=True, **q))
        equal("category", rows(category="Network activity"), 3)
        equal("for detection", [rows(to_ids=True), rows(to_ids=False)], [3, 2])
        equal("the attributes within events, too", len(self.pub.search(eventid=e.id, to_ids=True, pythonify=True)[0].attributes), 3)
        equal("warning lists are kept to", [rows(), rows(enforce_warninglist=True)], [5, 4])
        equal("pages of three", [rows(limit=3, page=1), rows(limit=3, page=2), rows(limit=3, page=3)], [3, 2, 0])
        data = lambda **q: [a["data"] for a in self.pub.search(eventid=e.id, **q)[0]["Event"]["Attribute"] if a.get("data")]
        equal("files when they are wanted", [len(data(with_attachments=True)), len(data())], [1, 0])
        equal("everything is looked through", s(searchall=f"%search{MARK}%"), me)
        equal("a backslash is a character", [x.id for x in self.pub.search_index(eventinfo="back\\slash", org=self.hers, pythonify=True)], [e.id])
        got = self.pub.search(controller="attributes", eventid=e.id, include_event_uuid=True)["Attribute"]
        equal("the event's uuid along", {a.get("event_uuid") for a in got}, {e.uuid})
        got = self.pub.search(controller="attributes", eventid=e.id, value=host("o1"), event_timestamp="1h", pythonify=True)
        equal("by when the event changed", len(got), 1)
        self.pub.delete_attribute(e.attributes[0])
        equal("what was deleted", [rows(), rows(deleted=[0, 1])], [4, 5])
        equal("its maker is written to", self.user.contact_event_reporter(e, "please").get("message"), "Email sent to the reporter.")

    def csv(self):
        e = self.add(self.pub, event("csv", host("c")))
        v = host("c")
        got = lambda **q: self.pub.search(controller="attributes", value=v, return_format="csv", **q)
        check("neither published nor for detection, and there all the same", v in got(), got())
        check("a head of names", got().startswith("uuid,event_id,"), got())
        check("no head", not got(headerless=True).startswith("uuid"), got(headerless=True))
        equal("the columns wanted", got(requested_attributes=["value", "type"], headerless=True).strip().replace('"', ""), f"{v},domain")
        check("columns of the event", all(c in got(include_context=True).splitlines()[0] for c in ("event_info", "event_member_org", "event_date")), got(include_context=True))
        check("and its words", e.info in got(include_context=True))

    # --- events and their parts --------------------------------------------------------------------

    def publishing(self):
        e = self.add(self.user, event("no right", host("r1"), published=True))
        equal("who may not publish does not by adding", e.published, False)
        e.info += "."
        e.published = True
        equal("nor by editing", self.user.update_event(e, pythonify=True).published, False)
        check("nor by asking", errors(self.user.publish(e)) is not None)
        f = self.add(self.pub, event("right", host("r2")))
        f.published = True
        f.info += "."
        equal("a publisher's edit publishes", self.pub.update_event(f, pythonify=True).published, True)

    def deletion(self):
        e = event("deletion", host("d1"), host("d2"))
        o = MISPObject("url", standalone=False)
        o.add_attribute("url", f"http://{host('d3')}/")
        e.add_object(o)
        e = self.add(self.pub, e)
        e.attributes[0].deleted = True
        back = self.pub.update_event(e, pythonify=True)
        equal("deleted within an edit", [a.value for a in back.attributes], [host("d2")])
        equal("both states at once", len(self.pub.get_event(e, deleted=[0, 1], pythonify=True).attributes), 2)
        equal("by uuid, in words", self.pub.delete_attribute(e.attributes[1].uuid)["message"], "Attribute deleted.")
        equal("an object, by uuid", self.pub.delete_object(back.objects[0].uuid)["message"], "Object deleted")
        f = self.add(self.pub, event("by number", host("d4")))
        equal("an attribute by number", self.pub.delete_attribute(f.attributes[0].id)["message"], "Attribute deleted.")
        equal("an event by number", self.pub.delete_event(f.id)["message"], "Event deleted.")
        equal("an event by uuid", self.pub.delete_event(e.uuid)["message"], "Event deleted.")
        equal("and it is gone", code(self.pub.get_event(e.uuid)), 404)

    def missing(self):
        equal("a uuid of nothing", code(self.pub.get_event(uuid.uuid4())), 404)
        equal("number nought", code(self.pub.get_event(0)), 404)
        equal("an attribute of nothing, as measured", code(self.pub.get_attribute(uuid.uuid4())), 405)
        equal("an object of nothing", code(self.pub.get_object(uuid.uuid4())), 404)

    def exists(self):
        e = event("there", host("e"))
        o = MISPObject("url", standalone=False)
        o.add_attribute("url", f"http://{host('e2')}/")
        e.add_object(o)
        e = self.add(self.pub, e)
        a, o = e.attributes[0], e.objects[0]
        for name, ask, thing in (("event", self.pub.event_exists, e), ("attribute", self.pub.attribute_exists, a), ("object", self.pub.object_exists, o)):
            equal(f"{name} by uuid and number", (ask(thing.uuid), ask(thing.id), ask(uuid.uuid4())), (True, True, False))
        equal("nothing of it is there for others", [self.user.event_exists(e.uuid), self.user.attribute_exists(a.uuid), self.user.object_exists(o.uuid)], [False] * 3)

    def objects(self):
        e = self.add(self.sync, event("object", host("ob")))
        o = MISPObject("domain-ip", standalone=False)
        o.add_attribute("domain", host("ob1"))
        o.add_attribute("ip", "198.51.100.31")
        o = self.sync.add_object(e, o, pythonify=True)
        o.add_attribute("ip", "198.51.100.32")
        up = self.sync.update_object(o, pythonify=True)
        equal("one without a uuid is added", sorted(a.value for a in up.attributes), ["198.51.100.31", "198.51.100.32", host("ob1")])
        before = self.sync.get_event(e, pythonify=True).timestamp
        time.sleep(1.1)
        self.admin.tag(up.attributes[0], f"rows:local={MARK}", local=True)
        equal("a local tag is no change of the event", self.sync.get_event(e, pythonify=True).timestamp, before)
        equal("deleted softly", self.sync.delete_object(up)["message"], "Object deleted")
        shown = self.sync.get_event(e, deleted=[0, 1], pythonify=True)
        check("and still told", any(x.uuid == up.uuid and x.deleted for x in shown.objects), shown)
        self.sync.delete_object(up, hard=True)
        equal("deleted for good", [x.uuid for x in self.sync.get_event(e, deleted=[0, 1], pythonify=True).objects], [])

    def templates(self):
        e = self.add(self.pub, event("template", host("tm")))
        made = {"name": "of-nobody", "meta-category": "misc", "template_uuid": str(uuid.uuid4()), "template_version": "3", "description": "x", "distribution": "5",
                "Attribute": [{"type": "text", "object_relation": "remark", "value": f"first {MARK}"}]}
        back = self.pub.direct_call(f"objects/add/{e.id}", {"Object": made})
        equal("one of an unknown template stays as it was sent", (back["Object"]["name"], back["Object"]["template_uuid"], back["Object"]["template_version"]), ("of-nobody", made["template_uuid"], "3"))
        o = MISPObject("domain-ip", standalone=False)
        o.add_attribute("domain", host("tm1"))
        o.add_attribute("ip", "198.51.100.33")
        check("the first of its kind", errors(self.pub.add_object(e, o, break_on_duplicate=True)) is None)
        o = MISPObject("domain-ip", standalone=False)
        o.add_attribute("domain", host("tm1"))
        o.add_attribute("ip", "198.51.100.33")
        twice = self.pub.add_object(e, o, break_on_duplicate=True)
        check("the second is refused when that is asked for", "Duplicate object found" in said(twice), twice)
        check("and taken when not", errors(self.pub.add_object(e, o)) is None)

    def lists(self):
        e = self.add(self.pub, event("list", host("l0"), level=1))
        one = self.pub.add_attribute(e, [{"type": "domain", "value": host("l1")}])
        check("a list of one is answered with one", isinstance(one["Attribute"], (dict, list)) and host("l1") in said(one), one)
        many = self.pub.add_attribute(e, [{"type": "ip-dst", "value": "no address"}, {"type": "domain", "value": host("l2")}, {"type": "domain", "value": host("l3")}])
        check("faults by place", bool(many["errors"]["attribute_0"]["value"][0]) if isinstance(many.get("errors"), dict) else "attribute_0" in said(many), many)
        equal("the rest is there", sorted(a.value for a in self.pub.get_event(e, pythonify=True).attributes), [host(f"l{i}") for i in range(4)])
        p = self.user.add_attribute_proposal(e, {"type": "domain", "value": host("l4")}, pythonify=True)
        mine = self.pub.add_attribute_proposal(e, {"type": "domain", "value": host("l5")}, pythonify=True)
        check("the owner proposes, too", errors(mine) is None and mine.value == host("l5"), mine)
        equal("both wait", sorted(x.value for x in self.pub.attribute_proposals(e, pythonify=True)), [host("l4"), host("l5")])
        equal("accepted", self.pub.accept_attribute_proposal(p)["message"], "Proposal accepted.")
        equal("discarded", self.pub.discard_attribute_proposal(mine)["message"], "Proposal discarded.")
        change = self.user.update_attribute_proposal(e.attributes[0].uuid, {"comment": "better"}, pythonify=True)
        equal("a change accepted", self.pub.accept_attribute_proposal(change)["message"], "Proposed change accepted.")
        gone = self.user.delete_attribute_proposal(e.attributes[0].uuid)
        check("a deletion proposed", errors(gone) is None, gone)
        equal("no more than that waits", len(self.pub.attribute_proposals(e, pythonify=True)), 1)

    def samples(self):
        e = event("samples", level=0)
        for i in range(8):
            o = MISPObject("file", standalone=False)
            o.add_attribute("filename", f"s{i}.exe")
            o.add_attribute("malware-sample", value=f"s{i}.exe", data=io.BytesIO(f"harmless {i}".encode()))
            e.add_object(o)
        e = self.add(self.pub, e)
        back = self.pub.get_event(e, pythonify=True)
        inside = sorted(a.malware_binary.getvalue() for o in back.objects for a in o.attributes if a.type == "malware-sample" and a.malware_binary)
        if not inside:
            found = self.pub.search(controller="attributes", eventid=e.id, type_attribute="malware-sample", with_attachments=True, pythonify=True)
            inside = sorted(a.malware_binary.getvalue() for a in found)
        equal("eight come back as they were", inside, [f"harmless {i}".encode() for i in range(8)])

    def seen(self):
        a = MISPAttribute()
        moment = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=timezone(timedelta(hours=2)))
        a.type, a.value, a.first_seen, a.last_seen = "domain", host("sn"), moment, moment + timedelta(hours=1)
        e = self.add(self.pub, event("seen"))
        back = self.pub.add_attribute(e, a, pythonify=True)
        equal("the same instant to the microsecond", (back.first_seen, back.last_seen), (moment, moment + timedelta(hours=1)))
        raw = self.pub.get_attribute(back)["Attribute"]["first_seen"]
        check("in UTC", raw.startswith("2026-03-04T03:06:07.123456") and raw.endswith("+00:00"), raw)

    def sightings(self):
        e = self.add(self.pub, event("sighted", host("sg"), level=1))
        a = e.attributes[0]
        listed = self.pub.direct_call(f"sightings/add/{a.id}", [{"source": "x", "type": "1"}])
        check("a list is taken", errors(listed) is None, listed)
        s = MISPSighting()
        s.source, s.type = f"probe-{MARK}", "1"
        check("a false alarm from a source", errors(self.user.add_sighting(s, a)) is None)
        find = lambda **q: self.pub.search_sightings(**q, pythonify=True)
        equal("of the attribute", len(find(context="attribute", context_id=a.id)), 2)
        equal("of the event", len(find(context="event", context_id=e.id)), 2)
        equal("by source", len(find(context="event", context_id=e.id, source=s.source)), 1)
        equal("by type", [len(find(context="event", context_id=e.id, type_sighting=t)) for t in ("0", "1", "2")], [1, 1, 0])
        equal("by organisation", len(find(context="event", context_id=e.id, org=self.user._current_user.org_id)), 1)
        equal("by time", [len(find(context="event", context_id=e.id, publish_timestamp=t)) for t in ("1h", ["3h", "2h"])], [2, 0])
        equal("deleted", self.user.delete_sighting(find(context="event", context_id=e.id, source=s.source)[0]["sighting"])["message"], "Sighting successfully deleted.")

    # --- vocabulary ------------------------------------------------------------------------------

    def vocabulary(self):
        t = MISPTag()
        t.name, t.exportable = f"rows:stays={MARK}", False
        t = self.admin.add_tag(t, pythonify=True)
        e = self.add(self.pub, event("vocabulary", host("vo")))
        self.pub.tag(e, t.name)
        check("one that stays here is not shown over the interface", t.name not in said(self.pub.get_event(e)), self.pub.get_event(e))
        kept = MISPTag()
        kept.name, kept.org_id = f"rows:org={MARK}", self.user._current_user.org_id
        kept = self.admin.add_tag(kept, pythonify=True)
        check("one kept for an organisation is not for others", errors(self.pub.tag(e, kept.name)) is not None or "fixed" in said(self.pub.tag(e, kept.name)), self.pub.tag(e, kept.name))
        mine = MISPTag()
        mine.name, mine.user_id = f"rows:user={MARK}", self.user._current_user.id
        mine = self.admin.add_tag(mine, pythonify=True)
        check("nor one kept for a person", "Invalid Tag. This tag can only be set by a fixed" in said(self.pub.tag(e, mine.name)), self.pub.tag(e, mine.name))
        on = self.sync.tag(e.attributes[0], f"rows:off={MARK}")
        check("attached in words", "successfully" in said(on) and "(" in said(on), on)
        a = self.sync.get_attribute(e.attributes[0], pythonify=True)
        time.sleep(1.1)  # MISP's clock ticks in seconds; the edit must be newer
        a.tags[0].delete()
        up = self.sync.update_attribute(a, pythonify=True)
        equal("taken off within an edit", [x.name for x in up.tags] if isinstance(up, MISPAttribute) else up, [])
        self.sync.tag(e, f"rows:bye={MARK}")
        off = self.sync.untag(e, f"rows:bye={MARK}")
        check("taken off in words", said(off).find(f"successfully removed from Event({e.id}).") >= 0, off)
        equal("deleted", self.admin.delete_tag(kept)["message"], "Tag deleted.")

    def groups(self):
        g = MISPSharingGroup()
        g.name, g.releasability = f"Rows {MARK}", "members"
        g = self.admin.add_sharing_group(g, pythonify=True)
        check("added and there", self.admin.sharing_group_exists(g) and self.admin.sharing_group_exists(g.uuid))
        check("there for nobody else yet", not self.user.sharing_group_exists(g))
        up = self.admin.update_sharing_group({"releasability": "members and friends"}, sharing_group_id=g.id, pythonify=True)
        equal("a part changes the part", (up.releasability, up.name), ("members and friends", g.name))
        for who in (self.pub, self.user):
            equal("a member more", self.admin.add_org_to_sharing_group(g, who._current_user.org_id)["message"], "Organisation added to the sharing group.")
        e = event("for a group", host("gr"), level=4, sharing_group_id=g.id)
        e.attributes[0].distribution = 5
        e = self.add(self.sync, e)
        equal("a member finds by the group", self.ids(self.user, sharinggroup=[g.id]), {e.id})
        equal("and what inherits it", len(self.user.search(controller="attributes", sharinggroup=[g.id], pythonify=True)), 1)
        equal("a member less", self.admin.remove_org_from_sharing_group(g, self.user._current_user.org_id)["message"], "Organisation removed from the sharing group.")
        equal("finds it no more", self.ids(self.user, value=host("gr")), set())
        self.sync.delete_event(e)
        equal("deleted", self.admin.delete_sharing_group(g)["message"], "SharingGroup deleted")

    def clusters(self):
        galaxy = self.admin.galaxies(pythonify=True)[0]
        c = MISPGalaxyCluster()
        c.value, c.description, c.source, c.distribution, c.authors = f"Rows {MARK}", "x", "x", 1, ["x"]
        c.add_cluster_element("synonyms", "one")
        c = self.sync.add_galaxy_cluster(galaxy, c, pythonify=True)
        c.cluster_elements = []
        c.add_cluster_element("refs", "https://two.example/")
        c.add_cluster_element("country", "RS")
        up = self.sync.update_galaxy_cluster(c, pythonify=True)
        equal("elements are put in the place of those before", sorted((x.key, x.value) for x in up.cluster_elements), [("country", "RS"), ("refs", "https://two.example/")])
        d = MISPGalaxyCluster()
        d.value, d.description, d.source, d.distribution, d.authors = f"Rows two {MARK}", "x", "x", 1, ["x"]
        d = self.sync.add_galaxy_cluster(galaxy, d, pythonify=True)
        r = MISPGalaxyClusterRelation()
        r.galaxy_cluster_uuid, r.referenced_galaxy_cluster_uuid, r.referenced_galaxy_cluster_type, r.distribution = c.uuid, d.uuid, "similar-to", 1
        r.add_tag("estimative-language:likelihood-probability=\"likely\"")
        got = self.sync.add_galaxy_cluster_relation(r)
        check("related", errors(got) is None, got)
        rel = self.sync.get_galaxy_cluster(c, pythonify=True).cluster_relations
        equal("with a tag", [[t.name for t in x.tags] for x in rel], [["estimative-language:likelihood-probability=\"likely\""]])
        check("not related any more", errors(self.sync.delete_galaxy_cluster_relation(rel[0])) is None)
        check("deleted softly", errors(self.sync.delete_galaxy_cluster(d)) is None)
        check("and for good", errors(self.sync.delete_galaxy_cluster(d, hard=True)) is None and code(self.sync.get_galaxy_cluster(d)) == 404)

    def analyst(self):
        lost = str(uuid.uuid4())
        n = MISPNote()
        n.object_type, n.object_uuid, n.note, n.distribution = "Event", lost, "about nothing", 1
        n = self.pub.add_note(n, pythonify=True)
        equal("about what is not there", getattr(n, "object_uuid", n), lost)
        o = MISPOpinion()
        o.from_dict(opinion=70, comment="so", object_type="Note", object_uuid=n.uuid, distribution=1)
        o = self.user.add_opinion(o, pythonify=True)
        n.note = "changed by another"
        check("another organisation does not change it", errors(self.user.update_note(n)) is not None)
        equal("who made it is whoever did", str(n.orgc_uuid), self.pub.get_organisation(self.hers)["Organisation"]["uuid"])
        equal("deleted", self.pub.delete_note(n)["message"], "Note deleted.")
        equal("what was said of it stays", self.user.get_opinion(o, pythonify=True).opinion, 70)

    # --- the house -------------------------------------------------------------------------------

    def diagnostics(self):
        d = self.admin.db_schema_diagnostic()
        equal("the schema is what it should be", d["actual_db_version"], d["expected_db_version"])
        equal("no door without a rule", self.admin.remote_acl("findMissingFunctionNames"), [])
        check("workers", errors(self.admin.get_workers()) is None)
        check("settings are read", "value" in self.admin.get_server_setting("MISP.baseurl"), self.admin.get_server_setting("MISP.baseurl"))
        check("not by everybody", errors(self.user.server_settings()) is not None)

    def statistics(self):
        self.add(self.pub, event("counted", host("st")))
        got = self.pub.attributes_statistics()
        check("figures are strings", got and all(isinstance(v, str) for v in got.values()), got)
        got = self.pub.attributes_statistics(percentage=True)
        check("shares have their sign", got and all(v.endswith("%") and float(v[:-1]) >= 0 for v in got.values()), got)
        check("by category", "Network activity" in self.pub.attributes_statistics(context="category"))
        check("of tags", "tags" in self.pub.tags_statistics(percentage=True, name_sort=True))
        for context in ("data", "orgs", "users", "tags", "attributehistogram", "sightings"):
            got = self.pub.users_statistics(context=context)
            check(f"of people: {context}", errors(got) is None, got)

    def freetext(self):
        e = self.add(self.pub, event("pasted"))
        text = f"{host('f1')} 8.8.8.8 198.51.100.44"
        got = self.pub.freetext(e, text, distribution=2, returnMetaAttributes=True)
        equal("candidates", sorted(x["value"] for x in got), sorted(text.split()))
        check("with their types", all(x["types"] and x["default_type"] for x in got), got)
        for background, adhere, want in ((1, False, {"8.8.8.8": True}), (0, True, {}), (1, "soft", {"8.8.8.8": False})):
            f = self.add(self.pub, event(f"pasted {adhere}"))
            got = self.pub.freetext(f, text, adhereToWarninglists=adhere, distribution=2, pythonify=True, kw_params={"disable_background_processing": background})
            equal(f"stored, lists heeded: {adhere}", {a.value: a.to_ids for a in got if a.value == "8.8.8.8"}, want)
            equal(f"and there: {adhere}", len(self.pub.get_event(f, pythonify=True).attributes), 2 + len(want))

    def roles(self):
        names = {str(r.id): r for r in self.admin.roles(pythonify=True)}
        equal("six of them", [i in names for i in "123456"], [True] * 6)
        flags = lambda f: "".join(i for i in "123456" if getattr(names[i], f))
        equal("who may what", {f: flags(f) for f in ("perm_site_admin", "perm_admin", "perm_sync", "perm_publish", "perm_add", "perm_auth")},
              {"perm_site_admin": "1", "perm_admin": "12", "perm_sync": "15", "perm_publish": "1245", "perm_add": "12345", "perm_auth": "123456"})
        e = self.add(self.pub, event("given away", host("de")))
        org = self.user._current_user.org_id
        d = self.pub.delegate_event(e, org, distribution=0, message="yours", pythonify=True)
        check("offered", errors(d) is None, d)
        equal("and taken back", self.pub.discard_event_delegation(d)["name"], "Delegation request deleted.")

    def registrations(self):
        mail = f"new-{MARK}@partner.example"
        got = self.admin.set_server_setting("Security.allow_self_registration", True, force=True)
        check("allowed", errors(got) is None, got)
        register_user(URL, mail, verify=False)
        box = self.admin.user_registrations(pythonify=True)
        here = [x for x in box if mail in said(x.data if hasattr(x, "data") else x.to_dict())]
        if check("it waits", len(here) == 1, [x.to_dict() for x in box]):
            got = self.admin.accept_user_registration(here[0].id, role=3)
            check("not taken in without an organisation", "No organisation selected. Supply an Organisation ID" in said(got), got)
            equal("discarded", self.admin.discard_user_registration(here[0].id)["name"], "1 registration(s) discarded.")
        check("not for everybody to see", errors(self.user.user_registrations()) is not None)

    def blocklists(self):
        e = event("blocked", host("bl"))
        got = self.admin.add_event_blocklist([e.uuid], comment="x", event_info="x", event_orgc="x")
        equal("an event", got["result"]["successes"], [e.uuid])
        check("does not come in", "Event blocked by event blocklist." in said(self.pub.add_event(e)), self.pub.add_event(e))
        row = next(x for x in self.admin.event_blocklists(pythonify=True) if x.event_uuid == e.uuid)
        row.comment = "y"
        equal("changed", getattr(self.admin.update_event_blocklist(row, pythonify=True), "comment", None), "y")
        check("deleted by uuid", errors(self.admin.delete_event_blocklist(e.uuid)) is None)
        check("and it comes in", errors(self.pub.add_event(e)) is None)
        org = str(uuid.uuid4())
        got = self.admin.add_organisation_blocklist([org], comment="x", org_name=f"Bad {MARK}")
        equal("an organisation", got["result"]["successes"], [org])
        sent = self.sync.direct_call("events/add", {"Event": {"info": "of it", "distribution": "0", "uuid": str(uuid.uuid4()), "Orgc": {"uuid": org, "name": f"Bad {MARK}"}, "Attribute": []}})
        check("sends nothing in", "Event blocked by organisation blocklist." in said(sent), sent)
        check("deleted", errors(self.admin.delete_organisation_blocklist(org)) is None)

    def texts(self):
        e = self.add(self.pub, event("texts", host("x1"), level=1))
        equal("a setting", self.admin.set_server_setting("Security.allow_self_registration", False, force=True).get("message"), "Field updated")
        twice = self.pub.add_attribute(e, {"type": "domain", "value": host("x1")})
        check("the same again", "A similar attribute already exists for this event." in said(twice), twice)
        check("what is not one's own", errors(self.user.delete_event(e)) is not None, self.user.delete_event(e))
        check("no such target", "Invalid Target." in said(self.pub.tag(str(uuid.uuid4()), "tlp:green")), self.pub.tag(str(uuid.uuid4()), "tlp:green"))
        tax = self.admin.taxonomies(pythonify=True)[0]
        equal("a taxonomy", [self.admin.enable_taxonomy(tax)["message"], self.admin.disable_taxonomy(tax)["message"]], ["Taxonomy enabled", "Taxonomy disabled"])
        self.admin.enable_taxonomy(tax)
        equal("is wanted", self.admin.set_taxonomy_required(tax, True)["message"], "Taxonomy toggleRequireded")
        self.admin.set_taxonomy_required(tax, False)
        equal("its tags", self.admin.enable_taxonomy_tags(tax)["message"], "The tag(s) has been saved.")
        w = self.admin.warninglists(pythonify=True)[0]
        equal("a list off and on", [self.admin.disable_warninglist(w)["success"], self.admin.enable_warninglist(w)["success"]], ["1 warninglist(s) disabled", "1 warninglist(s) enabled"])
        feed = self.admin.direct_call("feeds/add", {"Feed": {"name": f"Rows {MARK}", "provider": "x", "url": "https://feed.example/", "source_format": "csv", "enabled": False}})
        fid = feed["Feed"]["id"]
        equal("a feed is cached", self.admin.cache_feed(fid)["message"], "Feed caching job initiated.")
        equal("and deleted", self.admin.delete_feed(fid)["message"], "Feed deleted.")
        role = next(r for r in self.admin.roles(pythonify=True) if str(r.id) == "3")
        equal("the usual role", self.admin.set_default_role(role)["message"], "Default role set.")
        r = self.pub.direct_call(f"eventReports/add/{e.id}", {"EventReport": {"name": "r", "content": "x", "distribution": "5"}})
        gone = self.pub.direct_call(f"eventReports/delete/{r['EventReport']['id']}", {})
        check("a report", f"Event Report {r['EventReport']['uuid']} soft deleted" in said(gone), gone)
        check("published by a job", "Job queued" in said(self.pub.publish(e)), self.pub.publish(e))
        check("for the bus", "Event published to ZMQ" in said(self.pub.push_event_to_ZMQ(e)), self.pub.push_event_to_ZMQ(e))

    def catalogues(self):
        equal("taxonomies", self.admin.update_taxonomies()["name"], "All taxonomy libraries are up to date already.")
        equal("warning lists", self.admin.update_warninglists()["name"], "All warninglists are up to date already.")
        equal("notice lists", self.admin.update_noticelists()["name"], "All noticelists are up to date already.")
        equal("galaxies", self.admin.update_galaxies()["name"], "Galaxies updated.")
        check("templates answer with a list", isinstance(self.admin.update_object_templates(), list), self.admin.update_object_templates())
        check("decaying models", "success" in said(self.admin.update_decaying_models()), self.admin.update_decaying_models())
        remote, local = self.admin.describe_types_remote, self.admin.describe_types_local
        equal("types are those that the client carries", (sorted(remote["types"]), sorted(remote["categories"])), (sorted(local["types"]), sorted(local["categories"])))


def named(step):
    def go():
        global STEP
        STEP = step.__name__
        step()
    go.__name__ = step.__name__
    return go


if __name__ == "__main__":
    t = Rows()
    steps = [getattr(t, n) for n, f in vars(Rows).items() if callable(f) and not n.startswith("_") and n not in ("connect", "add", "ids")]
    t.connect()
    run(*map(named, steps))
