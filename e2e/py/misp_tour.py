"""The rest of what PyMISP's methods ask of a server, each once, against MISP_URL.

    MISP_URL, MISP_KEY   a key that may synchronise
    MISP_KEY_ADMIN       a site administrator's key
"""

import base64
import io
import json
import logging
import subprocess
import tempfile
import time
import uuid

import pymisp
import requests
import stix2validator
from pymisp import MISPAttribute, MISPEvent, MISPEventReport, MISPObject, MISPSharingGroup, MISPSighting, MISPTag, PyMISP

from checks import check, env, equal, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)
MARK = uuid.uuid4().hex[:10]


def refused(answer):
    return answer.get("errors") if isinstance(answer, dict) else None


class Tour:
    def connect(self):
        self.m = PyMISP(env("MISP_URL"), env("MISP_KEY"), ssl=False, timeout=60)
        self.admin = PyMISP(env("MISP_URL"), env("MISP_KEY_ADMIN"), ssl=False, timeout=60)
        check("an administrator is one", self.admin._current_role.perm_site_admin is True)
        check("a synchroniser is none", self.m._current_role.perm_site_admin is False and self.m._current_role.perm_sync is True)
        e = MISPEvent()
        e.info, e.distribution = f"Обилазак {MARK}", 1
        e.add_attribute("domain", f"{MARK}.example.rs")
        e.add_attribute("ip-dst", "8.8.8.8")
        self.e = self.m.add_event(e, pythonify=True)
        check("event added", isinstance(self.e, MISPEvent), self.e)
        self.a = self.e.attributes[0]

    def sightings(self):
        s = self.m.add_sighting({"value": self.a.value, "source": "senzor"}, pythonify=True)
        check("sighting by value", isinstance(s, MISPSighting), s)
        s2 = self.m.add_sighting({"type": 1}, attribute=self.a.uuid, pythonify=True)
        check("false positive", isinstance(s2, MISPSighting) and str(s2.type) == "1", s2)
        got = self.m.sightings(self.e, pythonify=True)
        equal("both are listed", len(got), 2)
        found = self.m.search_sightings(context="event", context_id=int(self.e.id), include_attribute=True, include_event_meta=True)
        equal("both are found", len(found), 2)
        check("deleted", refused(self.m.delete_sighting(s)) is None)
        equal("one is left", len(self.m.sightings(self.a)), 1)

    def reports(self):
        r = MISPEventReport()
        r.name, r.content, r.distribution = "Извештај", "# Наслов", 5
        r = self.m.add_event_report(self.e.id, r, pythonify=True)
        check("report added", isinstance(r, MISPEventReport), r)
        r.content = "измењено"
        r = self.m.update_event_report(r, pythonify=True)
        equal("report edited", getattr(r, "content", r), "измењено")
        equal("reports listed", [x.uuid for x in self.m.get_event_reports(self.e.id, pythonify=True)], [r.uuid])
        check("report deleted", refused(self.m.delete_event_report(r)) is None)

    def objects(self):
        o = MISPObject("domain-ip", standalone=False)
        o.distribution = 5
        o.add_attribute("domain", f"o{MARK}.example.rs")
        o.add_attribute("ip", "198.51.100.40")
        o = self.m.add_object(self.e, o, pythonify=True)
        check("object added", isinstance(o, MISPObject), o)
        check("object exists", self.m.object_exists(o) is True)
        o.comment = "примедба"
        up = self.m.update_object(o, pythonify=True)
        equal("object edited", getattr(up, "comment", up), "примедба")
        ref = self.m.add_object_reference(up.add_reference(self.a.uuid, "related-to"), pythonify=True)
        check("reference added", hasattr(ref, "uuid"), ref)
        check("reference deleted", refused(self.m.delete_object_reference(ref)) is None)
        check("object deleted", refused(self.m.delete_object(o)) is None)
        templates = self.m.object_templates(pythonify=True)
        check("templates are listed", isinstance(templates, list) and len(templates) > 0, templates)
        if templates:
            raw = self.m.get_raw_object_template(templates[0].uuid)
            check("a template as it is", "attributes" in raw, raw)

    def attributes(self):
        many = self.m.add_attribute(self.e, [{"type": "ip-dst", "value": "198.51.100.90"}, {"type": "ip-dst", "value": "лоше"}])
        check("a list goes in part", many.get("errors") and len(many["Attribute"]) == 1, many)
        sample = MISPAttribute()
        sample.from_dict(type="malware-sample", value="uzorak.bin", data=io.BytesIO(b"nije zlonamerno"))
        back = self.m.add_attribute(self.e, sample, pythonify=True)
        if check("a sample goes in", isinstance(back, MISPAttribute), back):
            seen = self.m.get_attribute(back, pythonify=True)
            equal("and its bytes come back", seen.malware_binary.getvalue() if seen.malware_binary else None, b"nije zlonamerno")
        check("attribute exists", self.m.attribute_exists(self.a) is True)
        gone = self.m.delete_attribute(self.a)
        check("deleted", refused(gone) is None, gone)
        back = self.m.restore_attribute(int(self.a.id), pythonify=True)
        check("restored", self.m.attribute_exists(self.a) is True, back)

    def tags(self):
        t = MISPTag()
        t.name, t.colour = f"oznaka:{MARK}", "#112233"
        t = self.m.add_tag(t, pythonify=True)
        check("tag made", isinstance(t, MISPTag), t)
        equal("tag found", [x.name for x in self.m.search_tags(MARK, pythonify=True)], [t.name])
        check("attached to an attribute", refused(self.m.tag(self.a.uuid, t)) is None)
        check("local by who runs the installation", refused(self.admin.tag(self.e.uuid, t, local=True)) is None)
        check("by others it is not", refused(self.m.tag(self.e.uuid, t, local=True)), "taken")
        equal("attributes by tag", [x.uuid for x in self.m.search(controller="attributes", tags=t.name, pythonify=True) if x.uuid == self.a.uuid], [self.a.uuid])
        check("untagged", refused(self.m.untag(self.a.uuid, t)) is None)
        check("statistics", "tags" in self.m.tags_statistics())
        t.colour = "#445566"
        check("edited by the administrator", refused(self.admin.update_tag(t)) is None)
        check("deleted by the administrator", refused(self.admin.delete_tag(t)) is None)

    def groups(self):
        g = MISPSharingGroup()
        g.name, g.releasability = f"Група {MARK}", "чланице"
        me = self.m._current_user
        g.SharingGroupOrg = []
        raw = self.m._check_json_response(self.m._prepare_request("POST", "sharing_groups/add", data={
            "name": g.name, "releasability": g.releasability, "SharingGroupOrg": [{"uuid": me.Organisation["uuid"] if hasattr(me, "Organisation") else self.org().uuid}]}))
        check("group made", "SharingGroup" in raw, raw)
        gid = raw["SharingGroup"]["id"]
        equal("group listed", gid in [x.id for x in self.m.sharing_groups(pythonify=True)] or str(gid) in [str(x.id) for x in self.m.sharing_groups(pythonify=True)], True)
        other = next(o for o in self.m.organisations(pythonify=True) if o.id != self.org().id)
        check("organisation added", refused(self.m.add_org_to_sharing_group(gid, other.uuid)) is None)
        check("organisation removed", refused(self.m.remove_org_from_sharing_group(gid, other.uuid)) is None)
        e = MISPEvent()
        e.info, e.distribution, e.sharing_group_id = f"За групу {MARK}", 4, gid
        e = self.m.add_event(e, pythonify=True)
        check("event for the group", isinstance(e, MISPEvent) and int(e.sharing_group_id) == int(gid), e)
        equal("found by group", [x.uuid for x in self.m.search(sharinggroup=[gid], pythonify=True)], [e.uuid])
        check("a group in use stays", refused(self.m.delete_sharing_group(gid)) is not None)
        check("event deleted", refused(self.m.delete_event(e)) is None)
        check("then the group goes", refused(self.m.delete_sharing_group(gid)) is None)

    def org(self):
        return next(o for o in self.m.organisations(pythonify=True) if str(o.id) == str(self.m._current_user.org_id))

    def people(self):
        check("roles", {"1", "2", "3", "4", "5", "6"} <= {str(r.id) for r in self.admin.roles(pythonify=True)})
        users = self.admin.users(pythonify=True)
        check("people", isinstance(users, list) and len(users) >= 2, users)
        check("one of them", self.admin.get_user(users[0].id, pythonify=True).email == users[0].email)
        o = self.admin.add_organisation({"name": f"Организација {MARK}", "local": 1}, pythonify=True)
        check("organisation made", hasattr(o, "uuid"), o)
        if hasattr(o, "uuid"):
            equal("organisation read", self.admin.get_organisation(o.uuid, pythonify=True).name, o.name)
        check("nobody else may", refused(self.m.add_organisation({"name": f"Друга {MARK}"})) is not None)

    def catalogues(self):
        check("taxonomies", len(self.m.taxonomies(pythonify=True)) > 0)
        lists = self.m.warninglists(pythonify=True)
        check("warning lists", len(lists) > 0, lists)
        hit = self.m.values_in_warninglist(["8.8.8.8"])
        check("a public resolver stands on one", "8.8.8.8" in hit, hit)
        check("galaxies", isinstance(self.m.galaxies(pythonify=True), list))
        self.notices()

    def notices(self):
        """As PyMISP's own live test asks."""
        equal("notice lists are up to date", self.admin.update_noticelists()["name"], "All noticelists are up to date already.")
        lists = self.admin.noticelists(pythonify=True)
        check("notice lists", isinstance(lists, list) and len(lists) >= 1, lists)
        one = self.admin.get_noticelist(lists[0], pythonify=True)
        equal("one of them", one.name, lists[0].name)
        check("with entries", len(self.admin.get_noticelist(lists[0])["Noticelist"]["NoticelistEntry"]) > 0)
        r = self.admin.enable_noticelist(one)
        check("notice list enabled", r["Noticelist"]["enabled"] is True, r)
        r = self.admin.disable_noticelist(one)
        check("notice list disabled", r["Noticelist"]["enabled"] is False, r)
        check("nobody else may switch it", refused(self.m.enable_noticelist(one)) is not None)

    def contact(self):
        r = self.m.contact_event_reporter(self.e, "Молимо узорак.")
        equal("the reporter is written to", r.get("message"), "Email sent to the reporter.")
        check("not about an event that is not there", refused(self.m.contact_event_reporter(str(uuid.uuid4()), "x")) is not None)

    def favourites(self):
        tag = MISPTag()
        tag.name = f"omiljena:{MARK}"
        t = self.m.add_tag(tag, pythonify=True)
        r = self.m.direct_call("favourite_tags/toggle", {"FavouriteTag": {"data": t.id}})
        equal("favourite", r, {"saved": True, "success": "Tag added to favourites.", "check_publish": True})
        equal("favourites alone", [x["name"] for x in self.m.direct_call("tags/index/1")["Tag"]], [t.name])
        equal("no favourite of somebody else", self.admin.direct_call("tags/index/1")["Tag"], [])
        r = self.m.direct_call("favourite_tags/toggle", {"FavouriteTag": {"data": t.id}})
        equal("no favourite any more", r["success"], "Tag removed from favourites.")

    def collections(self):
        made = self.m.direct_call("collections/add", {"Collection": {"name": f"Збирка {MARK}", "type": "campaign", "distribution": 1, "description": "опис"}})
        check("collection made", made.get("Collection", {}).get("name") == f"Збирка {MARK}", made)
        c = made["Collection"]
        equal("empty and said so", made["CollectionElement"], [])
        e = self.m.direct_call(f"collectionElements/add/{c['id']}", {"CollectionElement": {"element_uuid": self.e.uuid, "element_type": "Event", "description": "зашто"}})
        check("element added", e.get("CollectionElement", {}).get("element_uuid") == self.e.uuid, e)
        e = self.m.direct_call(f"collectionElements/addElementToCollection/Event/{uuid.uuid4()}", {"CollectionElement": {"collection_id": c["id"]}})
        check("one that is not here", "CollectionElement" in e, e)
        got = self.m.direct_call(f"collections/view/{c['uuid']}")
        equal("both stand in it", len(got["CollectionElement"]), 2)
        check("listed", c["uuid"] in [x["Collection"]["uuid"] for x in self.m.direct_call("collections/index")])
        check("my own", c["uuid"] in [x["Collection"]["uuid"] for x in self.m.direct_call("collections/index/my_collections")])
        check("by uuid, as a pulling server asks", [x["Collection"]["uuid"] for x in self.m.direct_call(f"collections/index/uuid[]:{c['uuid']}.json")] == [c["uuid"]])
        check("last changes", c["uuid"] in self.m.direct_call("collections/indexMinimal", {}))
        r = self.m.direct_call("collections/edit/" + c["id"], {"Collection": {"description": "други", "CollectionElement": [{"element_uuid": self.e.uuid, "element_type": "Event"}]}})
        check("edited, the other element out", len(r.get("CollectionElement", [])) == 1 and r["Collection"]["name"] == c["name"], r)
        r = self.m.direct_call("collectionElements/delete/" + r["CollectionElement"][0]["id"], {})
        equal("element deleted", r.get("message"), "CollectionElement deleted.")
        offer = {str(uuid.uuid4()): "2026-01-01 00:00:00", c["uuid"]: "2036-01-01 00:00:00"}
        want = self.m.direct_call("collections/filterCollectionsForPush", offer)
        check("what is ours is not asked for, what is new is", c["uuid"] not in want and len(want) == 1, want)
        sent = {"Collection": {"uuid": next(iter(want)), "name": "од другог", "type": "research", "distribution": 2, "modified": "2026-01-01 00:00:00"}, "CollectionElement": []}
        r = self.m.direct_call("collections/captureCollection", sent)
        check("captured", refused(r) is None and r.get("message") == "Collection added.", r)
        got = self.m.direct_call("collections/view/" + sent["Collection"]["uuid"])["Collection"]
        equal("a step narrower and locked", (got["distribution"], got["locked"]), ("1", True))
        check("nothing wrong is made", refused(self.m.direct_call("collections/add", {"Collection": {"name": "", "type": "x"}})) is not None)
        equal("deleted", self.m.direct_call("collections/delete/" + c["id"], {}).get("message"), "Collection deleted.")
        check("gone", refused(self.m.direct_call("collections/view/" + c["uuid"])) is not None)

    def correlations(self):
        top = self.admin.direct_call("correlations/top")
        check("values that correlate most", isinstance(top, list), top)
        over = self.admin.direct_call("correlations/overCorrelations", {"limit": 2})
        check("over-correlating values", all(set(x["OverCorrelatingValue"]) == {"id", "value", "occurrence", "excluded"} for x in over), over)
        check("for a site administrator alone", refused(self.m.direct_call("correlations/top")) is not None)

    def formats(self):
        check("published for the sensors' formats", refused(self.m.publish(self.e)) is None)
        for controller in ("events", "attributes"):
            for f in ("json", "csv", "text", "cache", "stix2"):
                got = self.m.search(controller=controller, uuid=self.e.uuid, return_format=f)
                check(f"{controller} as {f}", got and refused(got) is None, got)
            for f in ("count", "hosts", "netfilter"):
                got = self.m.direct_call(f"{controller}/restSearch", {"uuid": self.e.uuid, "returnFormat": f})
                check(f"{controller} as {f}", got and refused(got) is None, got)
        for controller in ("events", "attributes"):
            bundle = self.m.search(controller=controller, uuid=self.e.uuid, return_format="stix2")
            text = bundle if isinstance(bundle, str) else json.dumps(bundle)
            result = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1"))
            errors = [str(e) for o in getattr(result, "object_results", [result]) for e in (o.errors or [])]
            check(f"{controller} as STIX hold against the schemas", result.is_valid, errors[:3])
        index = self.m.search_index(eventinfo=MARK, minimal=True)
        equal("minimal index", [x["uuid"] for x in index], [self.e.uuid])
        equal("contextual csv", MARK in self.m.search(controller="attributes", uuid=self.e.uuid, return_format="csv", include_context=True), True)

    def protection(self):
        """A protected event: its key, its signed answer, checked by GnuPG, and back."""
        key = requests.get(env("MISP_URL").rstrip("/") + "/gpg.asc", timeout=30).text
        check("protected", "protected mode" in self.m.direct_call(f"events/protect/{self.e.id}", {}).get("message", ""))
        k = self.m.direct_call(f"cryptographicKeys/add/Event/{self.e.id}", {"type": "pgp", "key_data": key})
        check("key added", "CryptographicKey" in k, k)
        got = self.m.get_event(self.e, pythonify=True)
        check("PyMISP reads it", got.protected is True and [c.fingerprint for c in got.cryptographic_keys] == [k["CryptographicKey"]["fingerprint"]])
        answer = self.m._prepare_request("GET", f"events/view/{self.e.id}")
        signed = self.admin.sign_blob("any text of ours")
        with tempfile.TemporaryDirectory() as home:
            def gpg(*args):
                return subprocess.run(["gpg", "--homedir", home, "--batch", *args], capture_output=True, text=True)

            def holds(text, signature):
                for name, b in (("body", "".join(text.split()).encode()), ("sig", base64.b64decode(signature))):
                    with open(f"{home}/{name}", "wb") as f:
                        f.write(b)
                return gpg("--verify", f"{home}/sig", f"{home}/body").returncode == 0
            with open(f"{home}/key", "w") as f:
                f.write(key)
            check("GnuPG reads the key", gpg("--import", f"{home}/key").returncode == 0)
            signature = answer.headers["x-pgp-signature"]
            check("GnuPG: the answer is signed", holds(answer.text, signature))
            check("GnuPG: another one is not", not holds(answer.text + "x", signature))
            check("GnuPG: serverSign", holds(json.dumps("any text of ours"), signed))  # PyMISP posts it as JSON
        check("signing is for who may", "You do not have permission" in str(self.m.sign_blob("text")))
        check("key deleted", refused(self.m.direct_call(f"cryptographicKeys/delete/{k['CryptographicKey']['id']}", {})) is None)
        check("unprotected", "unprotected mode" in self.m.direct_call(f"events/unprotect/{self.e.id}", {}).get("message", ""))
        for answer in (self.admin.update_misp(), self.admin.kill_all_workers(), self.admin.request_community_access(1)):
            check("what is the operator's is refused in MISP's form", isinstance(answer.get("errors"), tuple) and answer["errors"][0] == 403, answer)

    def communities(self):
        until = time.monotonic() + 60  # a pack that another process took is in force within two seconds
        while len(list_ := self.admin.communities(pythonify=True)) < 2 and time.monotonic() < until:
            pass
        equal("this installation and the one of the pack", [c.name for c in list_][1:], ["Проба заједница"])
        c = self.admin.get_community(list_[1].uuid, pythonify=True)
        equal("by its UUID", c.id, list_[1].id)
        asked = dict(requestor_email_address="mika@partner-a.example", requestor_organisation_name="Партнер А", message=f"молба {MARK}", sync=True)
        shown = self.admin.request_community_access(c, mock=True, **asked)
        check("the letter is shown", "join@community.example" in shown["headers"] and MARK in shown["message"], shown)
        equal("the letter is sent", self.admin.request_community_access(c, **asked).get("message"), "Request sent.")

    def publish(self):
        check("published", refused(self.m.publish(self.e)) is None)
        check("unpublished", refused(self.m.unpublish(self.e)) is None)
        check("deleted", refused(self.m.delete_event(self.e)) is None)
        back = self.m.add_event(self.e)
        check("it does not come back", refused(back) is not None, back)


if __name__ == "__main__":
    t = Tour()
    run(t.connect, t.sightings, t.reports, t.objects, t.attributes, t.tags, t.groups, t.people, t.catalogues, t.contact, t.favourites, t.collections, t.correlations, t.formats, t.protection, t.communities, t.publish)
