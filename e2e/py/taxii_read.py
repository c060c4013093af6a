"""The OASIS taxii2-client, unmodified, reads everything it may at TAXII_URL (…/taxii2/), and stix2-validator
accepts all of it with 0 errors.

    TAXII_USER, TAXII_KEY   Basic authentication; the password is an API key
    TAXII_WANT              comma-separated values that must be found in some pattern or name
    TAXII_DEFINED           alias of a collection of indicators that somebody defined
"""

import logging
import uuid

import requests
from stix2validator import ValidationOptions, validate_instance
from taxii2client.v21 import Server, as_pages

from checks import check, env, equal, run

logging.disable(logging.WARNING)
URL, USER, KEY = env("TAXII_URL"), env("TAXII_USER"), env("TAXII_KEY")
MEDIA = "application/taxii+json;version=2.1"
seen = {}
server = None


def discovery():
    global server
    server = Server(URL, user=USER, password=KEY)
    check("discovery has a title", server.title)
    check("discovery names api roots", server.api_roots)
    check("the default is one of them", server.default is None or server.default.url in {r.url for r in server.api_roots})
    for root in server.api_roots:
        check(f"{root.title}: speaks 2.1", any("2.1" in v for v in root.versions), root.versions)
        check(f"{root.title}: announces a limit", root.max_content_length > 0)


def refusals():
    plain = lambda **h: requests.get(URL, headers=h, auth=(USER, KEY), timeout=30)
    for accept in (MEDIA, "application/taxii+json", "*/*", "application/taxii+json; version=2.1"):
        r = plain(Accept=accept)
        check(f"Accept {accept}", r.status_code == 200 and r.headers["Content-Type"].replace(" ", "") == MEDIA, (r.status_code, r.headers.get("Content-Type")))
    equal("unsupported Accept", plain(Accept="text/csv").status_code, 406)
    r = requests.get(server.default.url, headers={"Accept": MEDIA}, timeout=30)
    check("nobody is asked who they are", r.status_code == 401 and "basic" in r.headers.get("WWW-Authenticate", "").lower(), r.status_code)
    r = requests.get(server.default.url, headers={"Accept": MEDIA}, auth=(USER, "0" * 40), timeout=30)
    equal("a wrong key", r.status_code, 401)


def read():
    for root in server.api_roots:
        collections = [c for c in root.collections if c.can_read]
        check(f"{root.title}: has collections to read", collections)
        equal(f"{root.title}: in a fixed order", [c.id for c in root.collections], [c.id for c in type(root)(root.url, user=USER, password=KEY).collections])
        for c in collections:
            read_collection(c)


def read_collection(c):
    whole = []
    for page in as_pages(c.get_objects, per_request=7):
        got = page.get("objects", [])
        check(f"{c.title}: no page is larger than asked", len(got) <= 7, len(got))
        check(f"{c.title}: an empty list is left out", page.get("objects") != [])
        whole += got
    keys = [(o["id"], o.get("modified", "")) for o in whole]
    equal(f"{c.title}: nothing twice over the pages", len(keys), len(set(keys)))
    manifest = [m for page in as_pages(c.get_manifest, per_request=7) for m in page.get("objects", [])]
    equal(f"{c.title}: manifest lists the same", sorted(m["id"] for m in manifest), sorted(o["id"] for o in whole))
    dates = [m["date_added"] for m in manifest]
    equal(f"{c.title}: in order of addition", dates, sorted(dates))
    check(f"{c.title}: times have six digits", all(len(d.split(".")[-1]) == 7 for d in dates), dates[:2])
    if manifest:
        middle = dates[len(dates) // 2]
        later = [m["id"] for page in as_pages(c.get_manifest, per_request=50, added_after=middle) for m in page.get("objects", [])]
        equal(f"{c.title}: added_after is exclusive", sorted(later), sorted(m["id"] for m in manifest if m["date_added"] > middle))
        one = manifest[0]["id"]
        equal(f"{c.title}: one object", {o["id"] for o in c.get_object(one)["objects"]}, {one})
        equal(f"{c.title}: its versions", len(c.object_versions(one).get("versions", [])) > 0, True)
        kind = one.split("--")[0]
        equal(f"{c.title}: match by type", {o["type"] for o in c.get_objects(type=kind)["objects"]}, {kind})
        equal(f"{c.title}: match by id", {o["id"] for o in c.get_objects(id=one)["objects"]}, {one})
    for o in whole:
        seen[(o["id"], o.get("modified", ""))] = o


def validate():
    objects = list(seen.values())
    check("there is something to validate", objects)
    options = ValidationOptions(version="2.1", silent=True)
    errors = []
    for o in objects:
        result = validate_instance(o, options)
        errors += [f"{o['id']}: {e}" for e in result.errors or []]
    check(f"stix2-validator: 0 errors in {len(objects)} objects", not errors, f"{len(errors)}: {errors[:5]}")
    bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": objects}
    result = validate_instance(bundle, options)
    check("stix2-validator: accepts the bundle", result.is_valid, [str(e) for e in (result.errors or [])[:5]])
    ids = {o["id"] for o in objects}
    dangling = {r for o in objects for r in [o.get("created_by_ref"), *o.get("object_marking_refs", [])] if r and r not in ids}
    check("authors and markings are delivered too", not {d for d in dangling if not d.startswith("marking-definition--") or not known(d)}, dangling)


# The TLP markings that STIX 2.1 itself defines, and those of the TLP 2.0 extension, need not be sent.
KNOWN = {"613f2e26-407d-48c7-9eca-b8e91df99dc9", "34098fce-860f-48ae-8e50-ebd3cc5e41da", "f88d31f6-486f-44da-b317-01333bde0b82",
         "5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
         "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "939a9414-2ddd-4d32-a0cd-375ea402b003", "e828b379-4e03-4974-9ac4-e53a884c97c1"}


def known(ref):
    return ref.split("--")[1] in KNOWN


def wanted():
    text = " ".join(str(o.get("pattern", "")) + " " + str(o.get("name", "")) + " " + str(o.get("value", "")) for o in seen.values())
    for want in filter(None, env("TAXII_WANT").split(",")):
        check(f"{want} is there", want in text)


def defined():
    """A collection that an administrator defined: by its id and by its alias, its kinds of object and no others."""
    alias = env("TAXII_DEFINED")
    c = next((c for c in server.default.collections if c.alias == alias), None)
    check(f"{alias} is offered", c)
    got = [o for page in as_pages(c.get_objects, per_request=50) for o in page.get("objects", [])]
    kinds = {o["type"] for o in got}
    check(f"{alias}: indicators and what they need", "indicator" in kinds and kinds <= {"indicator", "identity", "marking-definition", "extension-definition"}, kinds)
    by_alias = requests.get(f"{server.default.url}collections/{alias}/objects/?limit=3", headers={"Accept": MEDIA}, auth=(USER, KEY), timeout=30).json()
    equal(f"{alias}: the alias stands for the id", [o["id"] for o in by_alias["objects"]], [o["id"] for o in got[:3]])
    check(f"{alias}: read only", not c.can_write)


def write():
    """POST to the inbox through the library, which waits for completion and holds the status to its rules."""
    inbox = next(c for c in server.default.collections if c.can_write)
    objects = [{"type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.uuid4()}", "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
                "name": f"n{i}", "pattern": f"[domain-name:value = 'n{i}.example.org']", "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z"} for i in range(50)]
    status = inbox.add_objects({"objects": objects + [{"type": "x", "id": "nonsense"}]}, wait_for_completion=True, poll_interval=1, timeout=60)
    equal("the POST is taken in", (status.status, status.total_count, status.success_count, status.failure_count, status.pending_count), ("complete", 51, 50, 1, 0))
    got = {o["id"]: o for page in as_pages(inbox.get_objects, per_request=20) for o in page.get("objects", [])}
    check("what was sent comes back as it was", all(got.get(o["id"]) == o for o in objects), len(got))
    again = inbox.add_objects({"objects": objects[:1]}, wait_for_completion=True, poll_interval=1, timeout=60)
    equal("the same again is a success", (again.success_count, again.failure_count), (1, 0))
    inbox.delete_object(objects[0]["id"])
    check("what was deleted is gone", objects[0]["id"] not in {m["id"] for page in as_pages(inbox.get_manifest, per_request=50) for m in page.get("objects", [])})


run(discovery, refusals, read, validate, wanted, defined, write)
