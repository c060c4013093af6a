"""What people say of events that are not theirs, by PyMISP: proposals, analyst data, delegation.

    MISP_URL, MISP_KEY_A, MISP_KEY_B   publishers of two organisations
    MISP_ORG_B                         the second organisation's name
"""

import logging
import uuid

from pymisp import MISPEvent, MISPNote, MISPOpinion, MISPShadowAttribute, PyMISP

from checks import check, env, equal, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)
MARK = uuid.uuid4().hex[:10]


class Others:
    def connect(self):
        self.a = PyMISP(env("MISP_URL"), env("MISP_KEY_A"), ssl=False, timeout=60)
        self.b = PyMISP(env("MISP_URL"), env("MISP_KEY_B"), ssl=False, timeout=60)
        e = MISPEvent()
        e.info, e.distribution = f"Туђи {MARK}", 1
        e.add_attribute("domain", f"{MARK}.example.rs")
        e.add_attribute("domain", f"dva-{MARK}.example.rs")
        self.e = self.a.add_event(e, pythonify=True)
        check("event added", isinstance(self.e, MISPEvent), self.e)

    def proposals(self):
        new = self.b.add_attribute(self.e, {"type": "ip-dst", "value": "198.51.100.9"}, pythonify=True)
        check("a refused addition becomes a proposal", isinstance(new, MISPShadowAttribute), new)
        change = self.b.update_attribute({"comment": "blah"}, self.e.attributes[0].id, pythonify=True)
        check("a refused edit becomes a proposal", isinstance(change, MISPShadowAttribute), change)
        equal("what was not sent stays", change.value, self.e.attributes[0].value)
        check("a refused deletion becomes a proposal", "success" in self.b.delete_attribute(self.e.attributes[1]))
        equal("three wait", len(self.a.attribute_proposals(self.e, pythonify=True)), 3)
        equal("one is read", self.a.get_attribute_proposal(new.id, pythonify=True).value, "198.51.100.9")
        equal("a new one accepted", self.a.accept_attribute_proposal(new)["message"], "Proposal accepted.")
        equal("a change accepted", self.a.accept_attribute_proposal(change.id)["message"], "Proposed change accepted.")
        left = self.a.attribute_proposals(self.e, pythonify=True)
        equal("one is discarded", self.a.discard_attribute_proposal(left[0])["message"], "Proposal discarded.")
        got = self.a.get_event(self.e, pythonify=True)
        equal("the event holds it", sorted(x.comment for x in got.attributes), ["", "", "blah"])

    def analyst(self):
        fake = str(uuid.uuid4())
        n = MISPNote()
        n.object_type, n.object_uuid, n.note = "Event", fake, "Fake note"
        n = self.b.add_note(n, pythonify=True)
        equal("a note on nothing", n.object_uuid, fake)
        n.note = "Fake note 2"
        n = self.b.update_note(n, pythonify=True)
        equal("edited", n.note, "Fake note 2")
        o = MISPOpinion()
        o.from_dict(opinion=60, comment="hm", object_type="Note", object_uuid=n.uuid)
        o = self.a.add_opinion(o, pythonify=True)
        equal("an opinion on it", self.b.get_note(n, pythonify=True).opinions[0].opinion, 60)
        refused = self.a.delete_note(n)
        equal("a foreign one stays", refused["errors"][1]["message"], "You are not authorised to do that.")
        equal("deleted", self.b.delete_note(n)["message"], "Note deleted.")
        equal("the opinion stays", self.a.get_opinion(o, pythonify=True).comment, "hm")
        equal("the note is gone", self.b.get_note(n)["errors"][0], 404)
        e = self.a.get_event(self.e, pythonify=True)
        e.add_note("with the event")
        got = self.a.update_event(e, pythonify=True)
        equal("a note inside an event", [x.note for x in got.notes], ["with the event"])

    def delegation(self):
        e = MISPEvent()
        e.info, e.distribution = f"Уступљен {MARK}", 0
        e.add_attribute("domain", f"tri-{MARK}.example.rs")
        e = self.a.add_event(e, pythonify=True)
        org = next(o for o in self.a.organisations(pythonify=True) if o.name == env("MISP_ORG_B"))
        check("hidden before", "errors" in self.b.get_event(e))
        d = self.a.delegate_event(e, org, distribution=1, message="please", pythonify=True)
        check("asked", str(d.org_id) == str(org.id), d)
        check("read while asked", "errors" not in self.b.get_event(e))
        equal("discarded", self.b.discard_event_delegation(d)["name"], "Delegation request deleted.")
        check("hidden again", "errors" in self.b.get_event(e))
        self.a.delegate_event(e, org, distribution=1)
        d = self.b.event_delegations(pythonify=True)[0]
        equal("accepted", self.b.accept_event_delegation(d)["name"], "Event ownership transferred.")
        equal("none is left", self.a.event_delegations(), [])
        equal("owned", self.b.get_event(e, pythonify=True).orgc.name, env("MISP_ORG_B"))


if __name__ == "__main__":
    t = Others()
    run(t.connect, t.proposals, t.analyst, t.delegation)
