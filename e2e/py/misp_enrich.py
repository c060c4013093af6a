"""PyMISP enriches events by modules of a real server of misp-modules that stands behind ours.

    MISP_URL, MISP_KEY   somebody of the team, who may ask modules
"""

import logging

from pymisp import MISPEvent, PyMISP

from checks import check, env, equal, run

logging.getLogger("pymisp").setLevel(logging.CRITICAL)
URL = "https://login.evil.example:8443/a/b?x=1"


class Enrich:
    def event(self, tag, *pairs):
        e = MISPEvent()
        e.info, e.distribution = f"Провера {tag}", 1
        e.add_tag(tag)
        for typ, value in pairs:
            e.add_attribute(typ, value)
        return self.m.add_event(e, pythonify=True)

    def connect(self):
        self.m = PyMISP(env("MISP_URL"), env("MISP_KEY"), ssl=False, timeout=60)
        got = [m["name"] for m in self.m.direct_call("modules/index")]
        equal("only what is on is listed", sorted(got), ["extract_url_components", "stix2_pattern_syntax_validator"])

    def objects(self):
        e = self.event("tlp:green", ("url", URL))
        said = self.m.enrich_event(e, "extract_url_components")
        check("the event is enriched", "have been created during the enrichment process" in said.get("message", ""), said)
        got = self.m.get_event(e, pythonify=True)
        equal("one object", [o.name for o in got.objects], ["url"])
        parts = {a.object_relation: a.value for a in got.objects[0].attributes}
        equal("its port", parts.get("port"), "8443")
        equal("its host", parts.get("host"), "login.evil.example")
        refs = [(r.relationship_type, r.referenced_uuid) for r in got.objects[0].references]
        equal("it points to the attribute that was asked about", refs, [("generated-from", got.attributes[0].uuid)])
        self.m.enrich_event(e, "extract_url_components")
        equal("the same twice is one", len(self.m.get_event(e, pythonify=True).objects), 1)

    def simple(self):
        e = self.event("tlp:clear", ("stix2-pattern", "[ipv4-addr:value = '198.51.100.1']"))
        said = self.m.enrich_attribute(e.attributes[0], "stix2_pattern_syntax_validator")
        check("an attribute is enriched by the simple form", "#1 attributes" in said.get("message", ""), said)
        values = [(a.type, a.value) for a in self.m.get_event(e, pythonify=True).attributes]
        check("what it said is an attribute", ("text", "Syntax valid") in values, values)

    def kept(self):
        for tag in ("tlp:amber", "PAP:RED"):
            e = self.event(tag, ("url", URL + tag))  # a value of its own: an answer from before is no question
            said = self.m.enrich_event(e, "extract_url_components")
            check(f"{tag} keeps it here", said.get("errors", [0])[0] == 403 and "may not leave" in str(said), said)
            equal(f"{tag}: nothing came", len(self.m.get_event(e, pythonify=True).objects), 0)

    def query(self):
        said = self.m.direct_call("modules/queryEnrichment", {"module": "extract_url_components", "attribute": {
            "type": "url", "value": "https://a.example.org/", "uuid": "6b1a1a3e-0000-4000-8000-00000000beef"}})
        check("an answer comes as the module gave it", said["results"]["Object"][0]["name"] == "url"
              and "6b1a1a3e-0000-4000-8000-00000000beef" in str(said), said)


if __name__ == "__main__":
    x = Enrich()
    run(x.connect, x.objects, x.simple, x.kept, x.query)
